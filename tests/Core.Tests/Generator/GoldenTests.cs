using System.Globalization;
using OrleansTempo.Tests.Otlp;

namespace OrleansTempo.Core.Tests.Generator;

/// <summary>The golden bodies beside this project: tests/golden/README.md says where they and the expected series come from.</summary>
public sealed class GoldenTests
{
    [Fact]
    public void The_golden_bodies_give_exactly_the_series_that_Tempo_gave()
    {
        var bench = new GeneratorBench();
        foreach (var body in (string[])["01-rpc-and-db", "02-messaging", "03-failed-and-slow", "05-virtual-user", "08-zero-duration"])
            bench.Push(Golden.EndingNow(body, bench.Time));
        bench.Time.Advance(TimeSpan.FromSeconds(11));

        var collected = bench.Collect();

        var expected = Golden.Expected("expected.prom");
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), collected.Series.Order(StringComparer.Ordinal));
        foreach (var (series, value) in expected)
            Assert.Equal(value, collected[series], 1e-9);
    }

    private static class Golden
    {
        private static readonly string s_folder = Path.Combine(AppContext.BaseDirectory, "golden");

        public static ExportTraceServiceRequest EndingNow(string name, ManualTimeProvider time)
        {
            var request = ExportTraceServiceRequest.Parser.ParseFrom(File.ReadAllBytes(Path.Combine(s_folder, name + ".otlp.pb")));
            var spans = request.ResourceSpans.SelectMany(r => r.ScopeSpans).SelectMany(s => s.Spans).ToList();
            var shift = time.NowNanos - spans.Max(s => s.EndTimeUnixNano);
            foreach (var span in spans)
            {
                span.StartTimeUnixNano += shift;
                span.EndTimeUnixNano += shift;
            }

            return request;
        }

        public static Dictionary<string, double> Expected(string file) => File.ReadLines(Path.Combine(s_folder, file))
            .Where(line => line.Length > 0 && line[0] != '#')
            .ToDictionary(line => line[..line.LastIndexOf(' ')], line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));
    }
}
