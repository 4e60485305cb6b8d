using System.Text;
using OrleansTempo.Core.Generator.Limits;
using OrleansTempo.Core.Generator.Registry;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.Tests.RemoteWrite.Messages;

namespace OrleansTempo.Core.Tests.Generator.Registry;

public sealed class EntityTableTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void The_table_finds_what_a_dictionary_finds_even_if_hashes_collide(int seed)
    {
        var random = new Random(seed);
        var budget = new SeriesBudget();
        var table = NewTable(budget);
        var model = new Dictionary<int, Entity>();

        for (var step = 0; step < 20_000; step++)
        {
            // Grows for the first part, shrinks in the second, and mixes both in the last.
            var id = random.Next(3000);
            var adds = random.Next(10) < (step < 8000 ? 9 : step < 14_000 ? 2 : 5);
            var key = Key(id);
            var found = table.Find(key, Hash(id));
            Assert.Same(model.GetValueOrDefault(id), found);
            if (adds && found is null)
            {
                var entity = table.Add(key, Hash(id), Labels(id));
                table.Count(entity, 0, id, nowMs: step + 1);
                model[id] = entity;
            }
            else if (!adds && found is not null)
            {
                table.Remove(found);
                model.Remove(id);
            }

            if (step % 1000 == 999)
                AssertSame(table, model, budget);
        }

        foreach (var (id, entity) in model)
        {
            table.Remove(entity);
            Assert.Null(table.Find(Key(id), Hash(id)));
        }

        Assert.Equal(0, table.Entities.Length);
        Assert.Equal(0, budget.Active);
    }

    [Fact]
    public void Equal_hashes_are_not_equal_keys()
    {
        var table = NewTable(new SeriesBudget());
        var first = table.Add("first"u8, 42, Labels(1));
        var second = table.Add("second"u8, 42, Labels(2));

        Assert.Same(first, table.Find("first"u8, 42));
        Assert.Same(second, table.Find("second"u8, 42));
        Assert.Null(table.Find("third"u8, 42));
        table.Remove(first);
        Assert.Null(table.Find("first"u8, 42));
        Assert.Same(second, table.Find("second"u8, 42));
    }

    [Fact]
    public void The_overflow_has_no_key_and_restarts_after_it_was_removed()
    {
        var budget = new SeriesBudget { Max = 1 };
        var table = NewTable(budget);
        var entity = table.Add("a"u8, 1, Labels(1));
        table.Count(entity, 0, 1, nowMs: 1);
        Assert.True(table.Refuses(1, "b"u8));
        var overflow = table.Overflow;
        table.Count(overflow, 0, 1, nowMs: 1);

        Assert.Null(table.Find([], 0));
        Assert.Equal(2, table.Entities.Length);
        Assert.Equal((1, 1, 1, 1L), (budget.Active, budget.Overflow, budget.Entities, budget.Limited));
        table.Remove(overflow);

        Assert.Same(entity, table.Find("a"u8, 1));
        Assert.NotSame(overflow, table.Overflow);
        Assert.Equal(0, table.Overflow.Values[0]);
    }

    [Fact]
    public void A_slot_without_room_counts_in_the_overflow()
    {
        var budget = new SeriesBudget { Max = 1 };
        var table = new EntityTable(budget, Labels(-1), MetricSlot.Counter("a"), MetricSlot.Counter("b"));
        var entity = table.Add("a"u8, 1, Labels(1));

        table.Count(entity, 0, 5, nowMs: 1);
        table.Count(entity, 1, 7, nowMs: 1);

        Assert.Equal([5, 0], entity.Values);
        Assert.Equal([0, 7], table.Overflow.Values);
        Assert.Equal(1, table.SeriesOf(entity));
    }

    [Fact]
    public void A_value_on_a_bound_belongs_to_its_bucket()
    {
        var table = new EntityTable(new SeriesBudget(), Labels(-1), MetricSlot.Histogram("h", [1, 2, 4]));
        var entity = table.Add("a"u8, 1, Labels(1));

        foreach (var value in new[] { -1, 0, 1, 1.5, 2, 4, 4.5, double.PositiveInfinity })
            table.Observe(entity, 0, value, weight: 1, traceId: 1, nowMs: 1);

        Assert.Equal([3, 2, 1, 2], entity.Values[1..]);
    }

    private static EntityTable NewTable(SeriesBudget budget) => new(budget, Labels(-1), MetricSlot.Counter("calls"));

    private static byte[] Key(int id) => Encoding.UTF8.GetBytes($"key {id}");

    // Few different low bits, around the end of the table and its start, and some hashes wholly equal.
    private static ulong Hash(int id) => (ushort)((id % 9) - 5) | ((ulong)(uint)(id % 1000) << 32);

    private static LabelSet Labels(int id) => new([new("id"u8.ToArray(), Encoding.UTF8.GetBytes($"{id}"))]);

    private static void AssertSame(EntityTable table, Dictionary<int, Entity> model, SeriesBudget budget)
    {
        for (var id = 0; id < 3000; id++)
        {
            var entity = table.Find(Key(id), Hash(id));
            Assert.Same(model.GetValueOrDefault(id), entity);
            if (entity is not null)
                Assert.Equal(id, entity.Values[0]);
        }

        Assert.Equal(model.Values.ToHashSet(), table.Entities.ToArray().ToHashSet());
        Assert.Equal((model.Count, model.Count), (budget.Active, budget.Entities));
    }
}
