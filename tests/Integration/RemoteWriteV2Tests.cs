using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Core;
using OrleansTempo.Core.Configuration.RemoteWrite;
using OrleansTempo.Core.Generator.NativeHistograms;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Core.RemoteWrite.Endpoint;
using OrleansTempo.Integration.Harness;

namespace OrleansTempo.Integration;

/// <summary>Remote write 2.0 into receivers that others wrote: one that knows it, and one that came before it.</summary>
public sealed class RemoteWriteV2Tests
{
    private const string V2 = "protobuf_message: io.prometheus.write.v2.Request";
    private const string NotUnderstood = "does not understand protobuf_message";

    private static readonly int[] Recorded = [1, 2, 3, 5, 8];

    [PrometheusV3Fact]
    public async Task Recorded_bodies_reach_a_Prometheus_that_knows_2_0_as_they_do_in_1_0()
    {
        await using var prometheus = await PrometheusProcess.StartAsync(PrometheusV3FactAttribute.Program!, "exemplar-storage,created-timestamp-zero-ingestion");
        await using var silo = await SiloProcess.StartAsync(new() { Test = "v2-golden", RemoteWriteUrls = [prometheus.RemoteWriteUrl], RemoteWrite = V2 });
        await SendRecordedAsync(silo, prometheus);

        Assert.DoesNotContain(NotUnderstood, silo.Log);
        Assert.Equal("io.prometheus.write.v2.Request", (await StatusAsync(silo)).GetProperty("protobufMessage").GetString());
        var own = await silo.OwnMetricsAsync();
        Assert.Equal(0, own.Sum("prometheus_remote_storage_samples_failed_total"));
        Assert.True(own.Sum("prometheus_remote_storage_exemplars_total") > 0);
        Assert.Equal(0, own.Sum("prometheus_remote_storage_exemplars_failed_total"));

        // Every new series begins with a 0, and only one: what 2.0 says of when it began adds no second.
        foreach (var (series, samples) in await prometheus.RawSamplesAsync("{__name__=~\"traces_.+_(total|count|sum|bucket)\",test=\"v2-golden\"}"))
            Assert.True(samples[0].Value == 0 && samples.Skip(1).All(sample => sample.Value > 0 || series.Contains("_bucket{") || series.Contains("_sum{")), $"{series}: {string.Join(' ', samples)}");
        Assert.Empty(prometheus.OrderComplaints);
    }

    [PrometheusV3Fact]
    public async Task Native_histograms_and_their_exemplars_arrive()
    {
        await using var prometheus = await PrometheusProcess.StartAsync(PrometheusV3FactAttribute.Program!, "exemplar-storage,native-histograms,metadata-wal-records,created-timestamp-zero-ingestion");
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        await WriteHistogramAsync(prometheus, now);

        // 2 observations in (0.5, 2^-0.875], 1 in the bucket behind it, 1 of zero; the first sample is without any.
        var range = await prometheus.DataAsync("/api/v1/query?query=" + Uri.EscapeDataString("traces_spanmetrics_latency{service=\"shop\"}[1m]"));
        var histograms = range.GetProperty("result")[0].GetProperty("histograms").EnumerateArray().Select(h => h[1]).ToList();
        Assert.Equal(["0", "4", "4"], histograms.Select(h => h.GetProperty("count").GetString()));
        Assert.Equal("1.75", histograms[^1].GetProperty("sum").GetString());
        Assert.Equal(
            ["3:-0.001..0.001 1", "0:0.5..0.5452538663326288 2", "0:0.5452538663326288..0.5946035575013605 1"],
            histograms[^1].GetProperty("buckets").EnumerateArray().Select(b => $"{b[0]}:{b[1].GetString()}..{b[2].GetString()} {b[3].GetString()}"));

        var exemplars = await prometheus.DataAsync($"/api/v1/query_exemplars?query=traces_spanmetrics_latency&start={(now - 60_000) / 1000}&end={(now + 60_000) / 1000}");
        var exemplar = Assert.Single(exemplars.EnumerateArray().SelectMany(series => series.GetProperty("exemplars").EnumerateArray()));
        Assert.Equal(("0000000000000000000000000000002a", "0.53"), (exemplar.GetProperty("labels").GetProperty("traceID").GetString(), exemplar.GetProperty("value").GetString()));
        Assert.Equal(0, (await prometheus.OwnMetricsAsync()).Sum("prometheus_api_remote_write_without_metadata_appended_samples_total"));
        Assert.Empty(prometheus.OrderComplaints);
    }

    // Since then, it makes labels of the metadata that comes with a series; before, it has no page for it.
    [PrometheusV3Fact(14)]
    public async Task Type_and_unit_arrive_with_the_series()
    {
        await using var prometheus = await PrometheusProcess.StartAsync(PrometheusV3FactAttribute.Program!, "type-and-unit-labels");
        await WriteHistogramAsync(prometheus, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
        var metric = (await prometheus.DataAsync("/api/v1/query?query=" + Uri.EscapeDataString("last_over_time(traces_spanmetrics_latency[1m])"))).GetProperty("result")[0].GetProperty("metric");
        Assert.Equal(("histogram", "seconds"), (metric.GetProperty("__type__").GetString(), metric.GetProperty("__unit__").GetString()));
    }

    [PrometheusFact]
    public async Task A_Prometheus_from_before_2_0_gets_1_0_and_misses_nothing()
    {
        await using var prometheus = await PrometheusProcess.StartAsync();
        await using var silo = await SiloProcess.StartAsync(new() { Test = "v2-fallback", RemoteWriteUrls = [prometheus.RemoteWriteUrl], RemoteWrite = V2 });
        await SendRecordedAsync(silo, prometheus);

        Assert.Single(silo.Log.Split('\n'), line => line.Contains(NotUnderstood));
        var status = await StatusAsync(silo);
        Assert.Equal(("prometheus.WriteRequest", 0L), (status.GetProperty("protobufMessage").GetString(), status.GetProperty("lostSamples").GetInt64()));
        foreach (var (series, samples) in await prometheus.RawSamplesAsync("{__name__=~\"traces_.+_total\",test=\"v2-fallback\"}"))
            Assert.True(samples[0].Value == 0, $"{series}: {string.Join(' ', samples)}");
        Assert.Empty(prometheus.OrderComplaints);
    }

    private static async Task SendRecordedAsync(SiloProcess silo, PrometheusProcess prometheus)
    {
        var expected = GoldenBodies.Expected();
        foreach (var body in Recorded)
            Assert.Equal(HttpStatusCode.OK, await silo.Sender.PostAsync(GoldenBodies.Read(body)));
        await silo.CollectAsync(5);
        await Eventually.GetAsync(
            () => silo.StoredAsync(prometheus),
            values => values.DifferenceFrom(expected).Length == 0,
            values => values.DifferenceFrom(expected) + silo.Log);
    }

    private static async Task<JsonElement> StatusAsync(SiloProcess silo)
    {
        using var response = await silo.GetAsync("/status/remote-write?format=json");
        return JsonDocument.Parse(await response.EnsureSuccessStatusCode().Content.ReadAsStringAsync()).RootElement[0];
    }

    private static async Task WriteHistogramAsync(PrometheusProcess prometheus, long now)
    {
        using var metrics = new TempoMetrics();
        Assert.True(TenantId.TryParse("acme", out var tenant, out _));
        var endpoints = RemoteWriteEndpoint.CreateAll(new() { RemoteWrite = [new() { Url = prometheus.RemoteWriteUrl.AbsoluteUri, ProtobufMessage = RemoteWriteOptions.MessageV2 }] }, TimeProvider.System);
        await using var writer = new RemoteWriter(tenant, endpoints, new RemoteWriterSettings(), new RemoteWriteMetrics(metrics), TimeProvider.System, NullLogger.Instance);
        Collect(writer, now - 1000, now - 5000);
        Collect(writer, now, 0);
        Assert.Equal(0, await writer.FlushAsync(TimeSpan.FromSeconds(30)));
        var status = Assert.Single(writer.Status());
        Assert.Equal(("", 0L, RemoteWriteProtocol.V2), (status.LastError, status.LostSamples, status.Protocol));
        foreach (var endpoint in endpoints)
            endpoint.Dispose();
    }

    private static void Collect(RemoteWriter writer, long timestampMs, long zeroMs)
    {
        var labels = new LabelSet([new(Encoding.UTF8.GetBytes("service"), Encoding.UTF8.GetBytes("shop"))]);
        using var batch = writer.BeginCollection(timestampMs);
        batch.Visitor.Visit(new SeriesPoint
        {
            Labels = labels,
            Name = new MetricName("traces_spanmetrics_latency", MetricType.Histogram),
            Value = 1.75,
            TimestampMs = timestampMs,
            ZeroTimestampMs = zeroMs,
            IsNative = true,
            Native = new()
            {
                Count = 4,
                Sum = 1.75,
                Schema = 3,
                ZeroThreshold = 0.001,
                ZeroCount = 1,
                PositiveSpans = (HistogramSpan[])[new(-7, 2)],
                PositiveDeltas = (long[])[2, -1],
                Exemplars = zeroMs == 0 ? default : (HistogramExemplar[])[new(42, 0.53, timestampMs - 1)],
            },
        });
        writer.Complete(batch);
    }
}
