using System.Globalization;
using System.Text.Json.Nodes;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.RemoteWrite.Messages;
using OrleansTempo.Core.Tests.RemoteWrite.Messages;
using OrleansTempo.Tests.Otlp;
using OrleansTempo.Tests.Prometheus;

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

        AssertSame(Golden.Expected("expected.prom"), collected);
    }

    [Fact]
    public void With_nearly_every_option_on_all_bodies_give_exactly_the_series_that_Tempo_gave()
    {
        var bench = new GeneratorBench(s => s with
        {
            ServiceGraphsConnectionInfo = true,
            HostInfoEnabled = true,
            HostInfo = s.HostInfo with { HostIdentifiers = ["k8s.node.name", "host.id", "host.name", "k8s.pod.name"] },
            ServiceGraphs = s.ServiceGraphs with
            {
                Wait = TimeSpan.FromSeconds(2),
                Dimensions = ["http.method"],
                EnableClientServerPrefix = true,
                EnableVirtualNodeLabel = true,
                EnableMessagingSystemLatencyHistogram = true,
            },
            SpanMetrics = s.SpanMetrics with
            {
                EnableTargetInfo = true,
                Dimensions = ["http.method", "k8s.pod.name", "deployment.environment"],
                DimensionMappings = [new DimensionMappingOptions { Name = "region_pod", SourceLabels = ["service.namespace", "k8s.pod.name"], Join = "/" }],
                IntrinsicDimensions = new IntrinsicDimensionsOptions { StatusMessage = true },
            },
        });
        foreach (var body in Golden.Bodies)
            bench.Push(Golden.EndingNow(body, bench.Time));
        bench.Time.Advance(TimeSpan.FromSeconds(3));

        var collected = bench.Collect();

        AssertSame(Golden.Expected("expected-full.prom"), collected);
    }

    [Fact]
    public void All_bodies_but_the_negative_durations_give_exactly_the_native_histograms_that_Tempo_gave()
    {
        var bench = new GeneratorBench(s => s with { NativeHistograms = s.NativeHistograms with { Mode = HistogramMode.Both } });
        foreach (var body in Golden.Bodies.Where(b => b != "09-negative-duration"))
            bench.Push(Golden.EndingNow(body, bench.Time));
        bench.Time.Advance(TimeSpan.FromSeconds(12));
        using var encoder = new WriteRequestEncoder(new EncodingSettings(), bench.Time.NowMs);

        bench.Generator.Collect(encoder);

        var collected = encoder.Finish().SelectMany(r => SeriesOf.Parse(r).Timeseries).Where(s => s.Histograms.Count > 0)
            .ToDictionary(s => string.Join(' ', s.Labels.Select(l => $"{l.Name}={l.Value}")), s => s.Histograms[^1]);
        var expected = Golden.ExpectedNative();
        Assert.Equal(40, expected.Count);
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), collected.Keys.Order(StringComparer.Ordinal));
        foreach (var (series, histogram) in expected)
        {
            var found = collected[series].Clone();
            Assert.Equal(histogram.Sum, found.Sum, 1e-9);
            (found.Sum, found.Timestamp) = (histogram.Sum, 0);
            Assert.Equal(histogram, found);
        }
    }

    private static void AssertSame(Dictionary<string, double> expected, Recorder collected)
    {
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), collected.Series.Order(StringComparer.Ordinal));
        foreach (var (series, value) in expected)
            Assert.True(Math.Abs(value - collected[series]) <= 1e-9, $"{series} is {collected[series]}, expected {value}");
    }

    private static class Golden
    {
        private static readonly string s_folder = Path.Combine(AppContext.BaseDirectory, "golden");

        public static IEnumerable<string> Bodies =>
            Directory.GetFiles(s_folder, "*.otlp.pb").Order(StringComparer.Ordinal).Select(f => Path.GetFileName(f).Replace(".otlp.pb", ""));

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

        public static Dictionary<string, Histogram> ExpectedNative() => File.ReadLines(Path.Combine(s_folder, "expected-native.jsonl"))
            .Select(line => JsonNode.Parse(line)!)
            .ToDictionary(
                line => string.Join(' ', line["labels"]!.AsObject().OrderBy(l => l.Key, StringComparer.Ordinal).Select(l => $"{l.Key}={l.Value}")),
                line => Histogram(line["histogram"]!));

        private static Histogram Histogram(JsonNode expected)
        {
            var histogram = new Histogram
            {
                CountInt = (ulong)expected["count_int"]!,
                Sum = (double?)expected["sum"] ?? 0,
                Schema = (int)expected["schema"]!,
                ZeroThreshold = (double)expected["zero_threshold"]!,
                ZeroCountInt = (ulong)expected["zero_count_int"]!,
            };
            foreach (var span in expected["positive_spans"]?.AsArray() ?? [])
                histogram.PositiveSpans.Add(new BucketSpan { Offset = (int)span!["offset"]!, Length = (uint)span["length"]! });
            foreach (var delta in expected["positive_deltas"]?.AsArray() ?? [])
                histogram.PositiveDeltas.Add((long)delta!);
            return histogram;
        }

        public static Dictionary<string, double> Expected(string file) => File.ReadLines(Path.Combine(s_folder, file))
            .Where(line => line.Length > 0 && line[0] != '#')
            .ToDictionary(line => line[..line.LastIndexOf(' ')], line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));
    }
}
