using System.Net;
using Google.Protobuf;
using OrleansTempo.Core;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Tests.Otlp;

namespace OrleansTempo.Integration;

/// <summary>What a real Prometheus makes of native histograms.</summary>
public sealed class NativeHistogramTests(PrometheusFixture prometheus) : IClassFixture<PrometheusFixture>
{
    // Of schema 3, the default.
    private static readonly double s_growth = Math.Pow(2, 1 / 8.0);

    [PrometheusFact]
    public async Task Its_quantiles_are_the_exact_ones_within_a_bucket()
    {
        await using var silo = await StartAsync("native-quantiles", "generate_native_histograms: both");
        var random = new Random(1);
        var latencies = new List<double>();
        for (var request = 0; request < 20; request++)
        {
            // Log-normal around 20 ms, in whole nanoseconds.
            var some = Enumerable.Range(0, 250).Select(_ => Math.Round(0.02e9 * Math.Exp(NextNormal(random))) / 1e9).ToList();
            latencies.AddRange(some);
            await SendAsync(silo, some);
        }

        const string Series = """traces_spanmetrics_latency{test="native-quantiles"}""";
        await Eventually.GetAsync(() => prometheus.Process.ValueAsync($"histogram_count({Series})"), count => count == latencies.Count, count => $"{count} observations\n{silo.Log}");

        latencies.Sort();
        Assert.Equal(latencies.Sum(), await prometheus.Process.ValueAsync($"histogram_sum({Series})"), 1e-6);
        foreach (var quantile in (double[])[0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999])
        {
            var exact = latencies[(int)Math.Ceiling(quantile * latencies.Count) - 1];
            var found = await prometheus.Process.ValueAsync(FormattableString.Invariant($"histogram_quantile({quantile}, {Series})"));
            Assert.InRange(found, exact / s_growth, exact * s_growth);
        }

        Assert.Equal(latencies.Count, await prometheus.Process.ValueAsync("""traces_spanmetrics_latency_count{test="native-quantiles"}"""));
        Assert.DoesNotContain(prometheus.Process.OrderComplaints, line => !line.Contains("exemplars"));
    }

    [PrometheusFact]
    public async Task Increase_counts_what_was_observed_through_resets_and_a_restart()
    {
        await using var silo = await StartAsync(
            "native-resets", "generate_native_histograms: both, native_histogram_max_bucket_number: 3, native_histogram_min_reset_duration: 2s");
        var observed = 0;
        for (var round = 0; round < 24; round++)
        {
            // More and more, so that a reset that goes unseen does not look like a histogram that only grew.
            var latencies = Enumerable.Range(0, 10 + 10 * round).Select(i => Math.Pow(2, i % 8) * 0.01).ToList();
            observed += latencies.Count;
            await SendAsync(silo, latencies);
            await silo.CollectAsync(1);
            if (round != 12)
                continue;
            Assert.Equal(0, await silo.TerminateAsync());
            await silo.StartAgainAsync();
        }

        await silo.CollectAsync(1);
        Assert.Equal(0, await silo.TerminateAsync());
        const string Series = """traces_spanmetrics_latency{test="native-resets"}""";
        var samples = await prometheus.Process.ValueAsync("""count_over_time(traces_spanmetrics_latency_count{test="native-resets"}[15m])""");
        var resets = await prometheus.Process.ValueAsync($"resets(histogram_count({Series})[15m:100ms])");
        var increase = await prometheus.Process.ValueAsync($"histogram_count(increase({Series}[15m]))");

        // Prometheus extrapolates by no more than 1.1 intervals on either side.
        Assert.InRange(samples, 20, 100);
        Assert.InRange(resets, 4, 20);
        Assert.InRange(increase, observed, observed * (1 + 2.2 / (samples - 1)));
        Assert.DoesNotContain(prometheus.Process.OrderComplaints, line => !line.Contains("exemplars"));
    }

    [PrometheusFact]
    public async Task A_stale_one_is_gone_at_once_and_by_itself_it_is_the_only_series_of_its_family()
    {
        await using var silo = await StartAsync("native-stale", "generate_native_histograms: native");
        await SendAsync(silo, [0.1, 0.2]);

        const string All = """count by (__name__) ({__name__=~"traces_spanmetrics_latency.*",test="native-stale"})""";
        var series = await Eventually.GetAsync(() => prometheus.Process.QueryAsync(All), found => found.Count > 0, _ => silo.Log);
        Assert.Equal(["traces_spanmetrics_latency{}"], series.Keys);
        var page = await silo.GeneratedAsync();
        Assert.Equal(2, page.Sum("traces_spanmetrics_latency_count"));

        await Eventually.GetAsync(() => prometheus.Process.QueryAsync(All), found => found.Count == 0, _ => silo.Log);
    }

    private Task<SiloProcess> StartAsync(string test, string overrides) => SiloProcess.StartAsync(new()
    {
        Test = test,
        RemoteWriteUrls = [prometheus.Process.RemoteWriteUrl],
        StaleDuration = test == "native-stale" ? "5s" : "15m",
        GeneratorOverrides = overrides,
    });

    // Spans of one name, each in a trace of its own.
    private static async Task SendAsync(SiloProcess silo, IReadOnlyList<double> latencies)
    {
        var now = (ulong)(DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks * 100;
        var spans = latencies.Select(seconds => new Span
        {
            TraceId = ByteString.CopyFrom(Guid.NewGuid().ToByteArray()),
            SpanId = ByteString.CopyFrom(Guid.NewGuid().ToByteArray(), 0, 8),
            Name = "work",
            Kind = Span.Types.SpanKind.Internal,
            StartTimeUnixNano = now - (ulong)Math.Round(seconds * 1e9),
            EndTimeUnixNano = now,
        });
        var request = new ExportTraceServiceRequest
        {
            ResourceSpans =
            {
                new ResourceSpans
                {
                    Resource = new Resource { Attributes = { new KeyValue { Key = "service.name", Value = new AnyValue { StringValue = "worker" } } } },
                    ScopeSpans = { new ScopeSpans { Spans = { spans } } },
                },
            },
        };
        Assert.Equal(HttpStatusCode.OK, await silo.Sender.PostAsync(request.ToByteArray()));
    }

    private static double NextNormal(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
