using System.Text;
using OrleansTempo.Core.Generator.ServiceGraphs;

namespace OrleansTempo.Core.Tests.Generator.ServiceGraphs;

public sealed class TextTableTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_text_keeps_its_number_while_it_has_references(int seed)
    {
        var random = new Random(seed);
        var table = new TextTable();
        var model = new Dictionary<string, (int Id, int References)>();

        for (var step = 0; step < 20_000; step++)
        {
            var text = $"service {random.Next(200)}";
            var (id, references) = model.GetValueOrDefault(text, (-1, 0));
            switch (random.Next(9))
            {
                case < 3:
                    var acquired = table.Acquire(Encoding.UTF8.GetBytes(text));
                    if (references > 0)
                        Assert.Equal(id, acquired);
                    model[text] = (acquired, references + 1);
                    break;
                case 3 when references > 0:
                    table.AddReference(id);
                    model[text] = (id, references + 1);
                    break;
                case < 8 when references > 0:
                    table.Release(id);
                    model[text] = (id, references - 1);
                    break;
                case 8 when step % 5 == 0:
                    table.Sweep();
                    break;
            }
        }

        var held = model.Where(m => m.Value.References > 0).ToList();
        Assert.NotEmpty(held);
        Assert.Equal(held.Count, held.Select(h => h.Value.Id).Distinct().Count());
        Assert.All(held, h => Assert.Equal(h.Key, Encoding.UTF8.GetString(table[h.Value.Id])));
        table.Sweep();
        table.Sweep();
        Assert.Equal(held.Count, table.Count);
    }

    [Fact]
    public void An_idle_text_is_forgotten_at_the_second_sweep()
    {
        var table = new TextTable();
        var id = table.Acquire("cart"u8);
        table.Release(id);

        table.Sweep();
        Assert.Equal(1, table.Count);
        Assert.Equal(id, table.Acquire("cart"u8));
        table.Release(id);
        table.Sweep();
        Assert.Equal(1, table.Count);
        table.Sweep();

        Assert.Equal(0, table.Count);
        Assert.Equal(id, table.Acquire("web"u8));
        Assert.Equal("web"u8, table[id]);
    }
}
