using Microsoft.AspNetCore.Http;
using OrleansTempo.Core.Configuration.RemoteWrite;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Core.RemoteWrite.Endpoint;
using OrleansTempo.Core.Tests.RemoteWrite.Endpoint;
using OrleansTempo.Core.Tests.RemoteWrite.Messages;

namespace OrleansTempo.Core.Tests.RemoteWrite;

/// <summary>What remote ends answer to 2.0 requests, and what comes of it.</summary>
public sealed class RemoteWriteV2Tests : IAsyncLifetime
{
    private static readonly MetricName s_native = new("traces_spanmetrics_latency", MetricType.Histogram);

    private readonly ManualTimeProvider _clock = new();
    private readonly TempoMetrics _tempoMetrics = new();
    private readonly LogLines _log = new();
    private MetricValues _metrics = null!;
    private RemoteEnd _end = null!;

    public async Task InitializeAsync()
    {
        _metrics = new MetricValues(_tempoMetrics);
        _end = await RemoteEnd.StartAsync();
    }

    public async Task DisposeAsync()
    {
        await _end.DisposeAsync();
        _metrics.Dispose();
        _tempoMetrics.Dispose();
    }

    [Fact]
    public async Task A_2_0_request_has_the_headers_of_its_protocol_and_needs_no_separate_metadata()
    {
        await using var writer = Writer();
        Collect(writer, 1);
        Assert.Equal(0, await FlushedAsync(writer));
        var headers = Assert.Single(_end.Received).Headers;
        Assert.Equal("application/x-protobuf;proto=io.prometheus.write.v2.Request", headers["Content-Type"]);
        Assert.Equal("snappy", headers["Content-Encoding"]);
        Assert.Equal("2.0.0", headers["X-Prometheus-Remote-Write-Version"]);
        Assert.Equal("acme", headers["X-Scope-OrgID"]);
        Assert.Equal((2, 1, 1), (_metrics["samples_total"], _metrics["histograms_total"], _metrics["exemplars_total"]));
        Assert.Equal((0, 0, 0), (_metrics["samples_failed_total"], _metrics["histograms_failed_total"], _metrics["exemplars_failed_total"]));
        Assert.Equal(0, writer.Status()[0].LostSamples);
    }

    [Fact]
    public async Task A_partial_refusal_counts_what_was_written_and_what_was_not()
    {
        _end.Answer(400, "one is out of order", ("X-Prometheus-Remote-Write-Samples-Written", "1"), ("X-Prometheus-Remote-Write-Histograms-Written", "1"), ("X-Prometheus-Remote-Write-Exemplars-Written", "0"));
        await using var writer = Writer();
        Collect(writer, 1);
        Assert.Equal(0, await FlushedAsync(writer));
        Assert.Equal((1, 1, 0), (_metrics["samples_total"], _metrics["histograms_total"], _metrics["exemplars_total"]));
        Assert.Equal((1, 0, 1), (_metrics["samples_failed_total"], _metrics["histograms_failed_total"], _metrics["exemplars_failed_total"]));
        Assert.Equal(1, writer.Status()[0].LostSamples);
        Assert.Equal(["Error: Remote write to test for tenant acme was refused; 1 samples are lost: server returned HTTP status 400 Bad Request: one is out of order"], _log.Lines);
        Assert.Single(_end.Received);
    }

    [Fact]
    public async Task A_refusal_without_written_counts_lost_everything()
    {
        _end.Answer(400, "no");
        await using var writer = Writer();
        Collect(writer, 1);
        Assert.Equal(0, await FlushedAsync(writer));
        Assert.Equal((0, 2, 1, 1), (_metrics["samples_total"], _metrics["samples_failed_total"], _metrics["histograms_failed_total"], _metrics["exemplars_failed_total"]));
        Assert.Equal(3, writer.Status()[0].LostSamples);
    }

    [Fact]
    public async Task An_accepted_request_that_was_written_in_part_counts_the_rest_as_failed()
    {
        _end.Answer(204, "", ("X-Prometheus-Remote-Write-Samples-Written", "2"));
        await using var writer = Writer();
        Collect(writer, 1);
        Assert.Equal(0, await FlushedAsync(writer));
        Assert.Equal((2, 0, 0, 1), (_metrics["samples_total"], _metrics["samples_failed_total"], _metrics["histograms_total"], _metrics["histograms_failed_total"]));
        var status = Assert.Single(writer.Status());
        Assert.Equal((1, "server accepted the request and wrote all but 1 of its samples"), (status.LostSamples, status.LastError));
        Assert.Single(_end.Received);
    }

    [Fact]
    public async Task A_remote_end_that_only_knows_1_0_gets_queued_requests_in_1_0()
    {
        var first = new TaskCompletionSource();
        _end.Answer(async context =>
        {
            await first.Task;
            context.Response.StatusCode = 415;
            await context.Response.WriteAsync("io.prometheus.write.v2.Request protobuf message is not accepted by this server");
        });
        await using var writer = Writer();
        Collect(writer, 1);
        Collect(writer, 2);
        await _end.ArrivedAsync(1);
        first.SetResult();
        Assert.Equal(0, await FlushedAsync(writer));

        // The refused one and the one behind it again in 1.0; the next collection is 1.0 from the start, with the metadata that it wants.
        Collect(writer, 3, withHistogram: false);
        Assert.Equal(0, await FlushedAsync(writer));
        Assert.Empty(_end.AcceptedV2);
        Assert.Equal(["2.0.0", "0.1.0", "0.1.0", "0.1.0", "0.1.0"], _end.Received.Select(r => r.Headers["X-Prometheus-Remote-Write-Version"]));
        Assert.Equal("application/x-protobuf", _end.Received[1].Headers["Content-Type"]);
        Assert.Equal(
            Enumerable.Range(1, 3).Select(i => $"{{__name__=traces_spanmetrics_calls_total,service=shop}} 0@{i}000 {i}@{i}001 # {{traceID=000102030405060708090a0b0c0d0e0f}} 1@999"),
            _end.Accepted.SelectMany(r => r.Timeseries).Where(s => s.Samples.Count > 1).Select(SeriesOf.Text));
        Assert.Single(_end.Accepted, r => r.Metadata.Count > 0);
        Assert.Equal((6, 2, 3), (_metrics["samples_total"], _metrics["histograms_total"], _metrics["exemplars_total"]));
        Assert.Equal(0, _metrics["samples_failed_total"]);
        Assert.Equal(
            [
                "Warning: Remote write to test: the remote end does not understand protobuf_message io.prometheus.write.v2.Request, and is sent prometheus.WriteRequest for an hour (seen for tenant acme): "
                    + "server returned HTTP status 415 Unsupported Media Type: io.prometheus.write.v2.Request protobuf message is not accepted by this server",
            ],
            _log.Lines);
    }

    [Fact]
    public async Task An_accepted_request_without_written_counts_means_the_remote_end_only_knows_1_0()
    {
        _end.Answer(204);
        await using var writer = Writer();
        Collect(writer, 1);
        Assert.Equal(0, await FlushedAsync(writer));
        Assert.Equal(["2.0.0", "0.1.0"], _end.Received.Select(r => r.Headers["X-Prometheus-Remote-Write-Version"]));
        Assert.Equal((2, 1, 0), (_metrics["samples_total"], _metrics["histograms_total"], _metrics["samples_failed_total"]));
        Assert.Contains("server returned HTTP status 204 without saying what it wrote", Assert.Single(_log.Lines));
    }

    [Fact]
    public async Task After_an_hour_2_0_is_tried_again()
    {
        _end.Answer(415);
        await using var writer = Writer();
        Collect(writer, 1);
        Assert.Equal(0, await FlushedAsync(writer));
        _clock.Advance(TimeSpan.FromMinutes(59));
        Collect(writer, 2);
        Assert.Equal(0, await FlushedAsync(writer));
        Assert.Equal("0.1.0", _end.Received[^1].Headers["X-Prometheus-Remote-Write-Version"]);

        _clock.Advance(TimeSpan.FromMinutes(1));
        Collect(writer, 3);
        Assert.Equal(0, await FlushedAsync(writer));
        Assert.Equal("2.0.0", _end.Received[^1].Headers["X-Prometheus-Remote-Write-Version"]);
        Assert.Single(_end.AcceptedV2);
    }

    [Fact]
    public async Task One_of_two_endpoints_that_falls_back_leaves_2_0_to_the_other()
    {
        await using var other = await RemoteEnd.StartAsync();
        _end.Answer(415);
        await using var writer = Writer(Options(_end.Url), Options(other.Url));
        Collect(writer, 1);
        Assert.Equal(0, await FlushedAsync(writer));
        Collect(writer, 2);
        Assert.Equal(0, await FlushedAsync(writer));
        Assert.Equal((2, 0), (other.AcceptedV2.Count, other.Accepted.Count));
        Assert.Equal((0, 3), (_end.AcceptedV2.Count, _end.Accepted.Count));
    }

    [Fact]
    public async Task A_server_error_is_retried_in_2_0()
    {
        _end.Answer(503, "", ("X-Prometheus-Remote-Write-Samples-Written", "1"));
        await using var writer = Writer();
        Collect(writer, 1);
        await _clock.PassAsync(TimeSpan.FromMilliseconds(100));
        Assert.Equal(0, await FlushedAsync(writer));
        Assert.Single(_end.AcceptedV2);
        Assert.Equal((2, 2, 1), (_metrics["samples_total"], _metrics["samples_retried_total"], _metrics["histograms_retried_total"]));
    }

    private static void Collect(RemoteWriter writer, int number, bool withHistogram = true)
    {
        using var batch = writer.BeginCollection((number * 1000) + 1);
        batch.Visitor.Visit(new SeriesPoint
        {
            Labels = SeriesOf.Labels(("service", "shop")),
            Name = SeriesOf.Calls,
            Value = number,
            TimestampMs = batch.TimestampMs,
            ZeroTimestampMs = batch.TimestampMs - 1,
            ExemplarTraceId = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
            ExemplarValue = 1,
            ExemplarTimestampMs = 999,
        });
        if (withHistogram)
        {
            batch.Visitor.Visit(new SeriesPoint
            {
                Labels = SeriesOf.Labels(("service", "shop")),
                Name = s_native,
                Value = 0,
                TimestampMs = batch.TimestampMs,
                IsNative = true,
                Native = new() { Count = 1, Sum = 0, Schema = 3, ZeroThreshold = 0, ZeroCount = 1 },
            });
        }

        writer.Complete(batch);
    }

    // The clock stands, so the deadline never comes.
    private static Task<long> FlushedAsync(RemoteWriter writer) => writer.FlushAsync(TimeSpan.FromMinutes(1)).WaitAsync(TimeSpan.FromSeconds(30));

    private static RemoteWriteOptions Options(string url) => new()
    {
        Url = url,
        Name = "test",
        ProtobufMessage = RemoteWriteOptions.MessageV2,
        QueueConfig = new() { MinBackoff = TimeSpan.FromMilliseconds(100) },
    };

    private RemoteWriter Writer() => Writer(Options(_end.Url));

    private RemoteWriter Writer(params RemoteWriteOptions[] endpoints)
    {
        Assert.True(TenantId.TryParse("acme", out var tenant, out _));
        return new RemoteWriter(
            tenant, RemoteWriteEndpoint.CreateAll(new() { RemoteWrite = endpoints }, _clock), new RemoteWriterSettings(), new RemoteWriteMetrics(_tempoMetrics), _clock, _log);
    }
}
