using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Configuration.Overrides;
using OrleansTempo.Server.Configuration;
using OrleansTempo.Server.Configuration.Tenants;

namespace OrleansTempo.Server.Tests.Configuration;

public sealed class MutationTests
{
    [Theory]
    [InlineData("tempo-2.7.yaml")]
    [InlineData("tempo-3.0.yaml")]
    [InlineData("generator-3.0.yaml")]
    public void A_damaged_file_is_read_or_refused_but_never_throws(string file)
    {
        var original = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Configuration/files", file));
        var random = new Random(7);
        var refused = 0;
        for (var i = 0; i < 1500; i++)
        {
            var text = Damage(original, random);
            var result = TempoConfiguration.Parse(text, "tempo.yaml", ConfigurationText.NoEnvironment);
            Assert.Equal(result.Errors.Count == 0, result.Succeeded);
            Assert.All(result.Errors, e => Assert.InRange(e.Line, 1, text.Count(c => c == '\n') + 1));
            refused += result.Succeeded ? 0 : 1;
        }

        Assert.InRange(refused, 1, 1499);
    }

    [Fact]
    public void A_file_of_tenants_comes_to_the_same_whether_unchanged_entries_are_taken_over_or_read()
    {
        const string original = """
            overrides:
              a: &a
                ingestion: {rate_limit_bytes: 1, burst_size_bytes: 2}
                metrics_generator:
                  processors: [span-metrics]
                  processor: {span_metrics: {dimensions: [x, "y z"]}}
              b:
                global:
                  max_bytes_per_trace: 12 # a comment
                metrics_generator: &b
                  max_active_series: 100
              c: *a
              d: {<<: *a, global: {max_bytes_per_trace: 3}}
              e:
                metrics_generator: *b
              "*":
                metrics_generator:
                  trace_id_label_name: >-
                    folded
            """;
        var former = Parse(original, null).Value!;
        var random = new Random(11);
        var (good, same) = (0, 0);
        for (var i = 0; i < 3000; i++)
        {
            var text = i % 2 == 0 ? Damage(original, random) : ChangeNumber(original, random);
            var (taken, read) = (Parse(text, former), Parse(text, null));

            Assert.Equal(read.Errors, taken.Errors);
            Assert.Equal(read.Warnings, taken.Warnings);
            Assert.Equal(read.Value?.Overrides.OrderBy(e => e.Key), taken.Value?.Overrides.OrderBy(e => e.Key));
            good += read.Succeeded ? 1 : 0;
            same += taken.Value?.Overrides.Count(e => ReferenceEquals(e.Value, former.Overrides.GetValueOrDefault(e.Key))) ?? 0;
        }

        Assert.InRange(good, 1000, 2900);
        Assert.InRange(same, good, 7 * good);

        static ConfigurationResult<TenantEntries> Parse(string text, TenantEntries? former) =>
            TempoConfiguration.ParseTenants(text, "overrides.yaml", ConfigurationText.NoEnvironment, former, new TenantOverrides(), new MetricsGeneratorOptions());
    }

    private static string ChangeNumber(string original, Random random)
    {
        var digits = Enumerable.Range(0, original.Length).Where(i => char.IsAsciiDigit(original[i])).ToList();
        var at = digits[random.Next(digits.Count)];
        return $"{original.AsSpan(0, at)}{random.Next(1, 100)}{original.AsSpan(at + 1)}";
    }

    private static string Damage(string original, Random random)
    {
        const string spice = "{}[]:,-#&*!|>'\"%@`$ \n\t\0~0.eé\\";
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

        return new string([.. text]);
    }
}
