using OrleansTempo.Server.Configuration;

namespace OrleansTempo.Server.Tests.Configuration;

public sealed class MutationTests
{
    [Theory]
    [InlineData("tempo-2.7.yaml")]
    [InlineData("tempo-3.0.yaml")]
    public void A_damaged_file_is_read_or_refused_but_never_throws(string file)
    {
        const string spice = "{}[]:,-#&*!|>'\"%@`$ \n\t\0~0.eé\\";
        var original = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Configuration/files", file));
        var random = new Random(7);
        var refused = 0;
        for (var i = 0; i < 1500; i++)
        {
            var text = original.ToCharArray().ToList();
            for (var change = random.Next(1, 6); change > 0; change--)
            {
                var at = random.Next(text.Count);
                switch (random.Next(3))
                {
                    case 0:
                        text[at] = spice[random.Next(spice.Length)];
                        break;
                    case 1:
                        text.RemoveRange(at, Math.Min(random.Next(1, 20), text.Count - at));
                        break;
                    default:
                        text.Insert(at, spice[random.Next(spice.Length)]);
                        break;
                }
            }

            var result = TempoConfiguration.Parse(new string([.. text]), "tempo.yaml", ConfigurationText.NoEnvironment);
            Assert.Equal(result.Errors.Count == 0, result.Succeeded);
            Assert.All(result.Errors, e => Assert.InRange(e.Line, 1, text.Count(c => c == '\n') + 1));
            refused += result.Succeeded ? 0 : 1;
        }

        Assert.InRange(refused, 1, 1499);
    }
}
