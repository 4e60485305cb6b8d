using System.Runtime.CompilerServices;
using OrleansTempo.Core.Ingester.Live;

namespace OrleansTempo.Core.Tests.Ingester.Live;

public sealed class TraceTableTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void It_finds_what_a_dictionary_finds(int seed)
    {
        var random = new Random(seed);
        using var table = new TraceTable();
        var order = new List<TraceId>();
        var rows = new Dictionary<TraceId, uint>();
        for (var step = 0; step < 20_000; step++)
        {
            var id = new TraceId((ulong)random.Next(2), (ulong)random.Next(3000));
            ref var trace = ref table.GetOrAdd(id, out var isNew);
            Assert.Equal(rows.TryAdd(id, (uint)step), isNew);
            if (isNew)
            {
                Assert.Equal(new LiveTrace { Id = id }, trace);
                if (random.Next(4) == 0)
                {
                    table.RemoveLast();
                    rows.Remove(id);
                }
                else
                {
                    trace.LastRow = (uint)step;
                    order.Add(id);
                }
            }

            var asked = new TraceId((ulong)random.Next(2), (ulong)random.Next(3000));
            ref readonly var found = ref table.Find(asked);
            Assert.Equal(rows.ContainsKey(asked), !Unsafe.IsNullRef(in found));
            if (!Unsafe.IsNullRef(in found))
                Assert.Equal((asked, rows[asked]), (found.Id, found.LastRow));
        }

        Assert.Equal(rows.Count, table.Count);
        Assert.Equal(order, table.All.ToArray().Select(static t => t.Id));
        Assert.InRange(table.MemoryBytes, rows.Count * 60, rows.Count * 200);
    }

    [Fact]
    public void An_empty_or_returned_table_holds_no_memory()
    {
        var table = new TraceTable();
        Assert.True(Unsafe.IsNullRef(in table.Find(new TraceId(1, 1))));
        Assert.Equal((0, 0L), (table.Count, table.MemoryBytes));
        for (ulong i = 0; i < 100; i++)
            table.GetOrAdd(new TraceId(0, i), out _);

        table.Dispose();

        Assert.Equal((0, 0L), (table.Count, table.MemoryBytes));
        Assert.True(Unsafe.IsNullRef(in table.Find(new TraceId(0, 1))));
        table.GetOrAdd(new TraceId(0, 1), out var isNew);
        Assert.True(isNew);
        table.Dispose();
    }
}
