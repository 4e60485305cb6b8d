using System.Diagnostics.Metrics;
using OrleansTempo.Core.Configuration.RemoteWrite;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Core.RemoteWrite.Endpoint;
using OrleansTempo.Core.RemoteWrite.Queue;
using OrleansTempo.Core.Tests.Objects;
using OrleansTempo.Core.Tests.RemoteWrite.Endpoint;
using OrleansTempo.Core.Tests.RemoteWrite.Messages;
using OrleansTempo.Tests.Prometheus;
using MetricType = OrleansTempo.Core.Generator.Samples.MetricType;

namespace OrleansTempo.Core.Tests.RemoteWrite;

public sealed class RemoteWriterTests : IAsyncLifetime
{
    private readonly ManualTimeProvider _clock = new();
    private readonly TempoMetrics _tempoMetrics = new();
    private readonly LogLines _log = new();
    private RemoteEnd _first = null!;
    private RemoteEnd _second = null!;

    public async Task InitializeAsync()
    {
        _first = await RemoteEnd.StartAsync();
        _second = await RemoteEnd.StartAsync();
    }

    public async Task DisposeAsync()
    {
        await _first.DisposeAsync();
        await _second.DisposeAsync();
        _tempoMetrics.Dispose();
    }

    [Fact]
    public async Task Every_endpoint_gets_the_collection_as_configured()
    {
        await using var writer = Writer(
            new() { Url = _first.Url },
            new() { Url = _second.Url, SendExemplars = false, WriteRelabelConfigs = [new() { Regex = "service", Action = RelabelAction.LabelDrop }] });
        Collect(writer, 1);
        Assert.Equal(0, await FlushedAsync(writer));

        Assert.Equal("{__name__=traces_spanmetrics_calls_total,service=shop} 1@1000 # {traceID=000102030405060708090a0b0c0d0e0f} 1@999", Texts(_first)[0]);
        Assert.Equal("{__name__=traces_spanmetrics_calls_total} 1@1000", Texts(_second)[0]);
    }

    [Fact]
    public async Task Endpoints_with_equal_settings_share_one_encoding()
    {
        await using var writer = Writer(new() { Url = _first.Url }, new() { Url = _second.Url });
        using var batch = writer.BeginCollection(1000);
        Assert.Single(batch.Encoders);
        Visit(batch, 1);
        writer.Complete(batch);
        Assert.Equal(0, await FlushedAsync(writer));
        Assert.Equal(Texts(_first), Texts(_second));
        Assert.Single(Texts(_first));
    }

    [Fact]
    public async Task A_secret_in_a_URL_appears_in_no_metric_status_or_log_line()
    {
        var shown = new List<string>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Meter == _tempoMetrics.Meter)
                l.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((instrument, _, tags, _) => Note(instrument, tags));
        listener.SetMeasurementEventCallback<double>((instrument, _, tags, _) => Note(instrument, tags));
        listener.Start();
        _first.Answer(400, "bad");
        await using (var writer = Writer(new RemoteWriteOptions { Url = _first.Url.Replace("://", "://user:secret@") + "?token=secret" }))
        {
            Collect(writer, 1);
            await FlushedAsync(writer);
            listener.RecordObservableInstruments();
            shown.AddRange(writer.Queues.Select(q => $"{q.Status()}"));
        }

        Assert.Contains(shown, text => text.Contains("samples_failed_total") && text.Contains("/api/v1/write?token=xxxxx"));
        Assert.Contains(shown, text => text.StartsWith(nameof(RemoteWriteStatus)));
        Assert.Contains(_log.Lines, line => line.Contains("HTTP status 400"));
        Assert.DoesNotContain(shown.Concat(_log.Lines), text => text.Contains("secret"));

        void Note(Instrument instrument, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var text = instrument.Name;
            foreach (var (key, value) in tags)
                text += $" {key}={value}";
            lock (shown)
                shown.Add(text);
        }
    }

    [Fact]
    public async Task A_failing_endpoint_does_not_delay_others()
    {
        for (var i = 0; i < 3; i++)
            _first.Answer(async context => await Task.Delay(Timeout.Infinite, context.RequestAborted));
        await using var writer = Writer(new() { Url = _first.Url, Name = "hangs" }, new() { Url = _second.Url, Name = "works" });
        Collect(writer, 1);
        Collect(writer, 2);
        Assert.Equal(0, await writer.Queues[1].FlushAsync(CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(30)));
        var flush = writer.FlushAsync(TimeSpan.FromSeconds(5));
        await _clock.PassAsync(TimeSpan.FromSeconds(5));

        Assert.Equal(2, await flush);
        Assert.Equal([("hangs", 2L), ("works", 0L)], writer.Status().Select(s => (s.RemoteName, s.PendingSamples)));
        Assert.Equal(2, Texts(_second).Count);
    }

    [Fact]
    public async Task Metadata_is_sent_once_a_minute()
    {
        await using var writer = Writer(new RemoteWriteOptions() { Url = _first.Url });
        Collect(writer, 1);
        Assert.Equal(0, await FlushedAsync(writer));
        _clock.Advance(TimeSpan.FromSeconds(59));
        Collect(writer, 2);
        Assert.Equal(0, await FlushedAsync(writer));
        var metadata = Assert.Single(_first.Accepted, r => r.Metadata.Count > 0).Metadata;
        Assert.Equal(("traces_spanmetrics_calls_total", MetricMetadata.Types.MetricType.Counter), (Assert.Single(metadata).MetricFamilyName, metadata[0].Type));

        _clock.Advance(TimeSpan.FromSeconds(1));
        Collect(writer, 3);
        Assert.Equal(0, await FlushedAsync(writer));
        Assert.Equal(2, _first.Accepted.Count(r => r.Metadata.Count > 0));
    }

    [Fact]
    public async Task Metadata_has_type_help_and_unit_and_is_split_as_configured()
    {
        await using var writer = Writer(new RemoteWriteOptions() { Url = _first.Url, MetadataConfig = new() { MaxSamplesPerSend = 2 }, QueueConfig = new() { MaxShards = 1 } });
        using (var batch = writer.BeginCollection(1000))
        {
            foreach (var name in (MetricName[])[SeriesOf.Calls, SeriesOf.Bucket, new("traces_spanmetrics_size_total", MetricType.Counter), new("traces_target_info", MetricType.Gauge), new("other", MetricType.Gauge)])
                batch.Visitor.Visit(new SeriesPoint { Labels = SeriesOf.Labels(("service", "shop")), Name = name, Value = 1, TimestampMs = 1000 });
            writer.Complete(batch);
        }

        Assert.Equal(0, await FlushedAsync(writer));
        Assert.Equal([2, 2, 1], _first.Accepted.Select(r => r.Metadata.Count).Where(count => count > 0));
        Assert.Equal(
            [
                "traces_spanmetrics_calls_total Counter|Spans counted|",
                "traces_spanmetrics_latency Histogram|Duration of spans|seconds",
                "traces_spanmetrics_size_total Counter|Size of spans as received|bytes",
                "traces_target_info Gauge|Attributes of the resource that sends spans; always 1|",
                "other Gauge||",
            ],
            _first.Accepted.SelectMany(r => r.Metadata).Select(m => $"{m.MetricFamilyName} {m.Type}|{m.Help}|{m.Unit}"));
    }

    [Fact]
    public async Task Metadata_goes_to_each_endpoint_at_its_own_interval()
    {
        await using var writer = Writer(
            new() { Url = _first.Url, MetadataConfig = new() { Send = false } },
            new() { Url = _second.Url, MetadataConfig = new() { SendInterval = TimeSpan.FromSeconds(5) } });
        for (var i = 0; i < 3; i++)
        {
            Collect(writer, i);
            Assert.Equal(0, await FlushedAsync(writer));
            _clock.Advance(TimeSpan.FromSeconds(5));
        }

        Assert.Equal((0, 3), (_first.Accepted.Count(r => r.Metadata.Count > 0), _second.Accepted.Count(r => r.Metadata.Count > 0)));
    }

    [Fact]
    public async Task Changed_settings_apply_to_the_next_collection()
    {
        await using var writer = Writer(new RemoteWriteOptions() { Url = _first.Url });
        Collect(writer, 1);
        Assert.Equal(0, await FlushedAsync(writer));
        writer.Apply(new() { TraceIdLabelName = "trace_id", Headers = new Dictionary<string, string> { ["X-Scope-OrgID"] = "other" } });
        Collect(writer, 2);
        Assert.Equal(0, await FlushedAsync(writer));

        Assert.Equal(["traceID", "trace_id"], _first.Accepted.SelectMany(r => r.Timeseries).Select(s => s.Exemplars[0].Labels[0].Name));
        Assert.Equal(("acme", "other"), (_first.Received[0].Headers["X-Scope-OrgID"], _first.Received[^1].Headers["X-Scope-OrgID"]));
    }

    [Fact]
    public async Task A_batch_that_is_not_completed_sends_nothing()
    {
        await using var writer = Writer(new RemoteWriteOptions() { Url = _first.Url });
        using (var batch = writer.BeginCollection(1000))
            Visit(batch, 1);
        Assert.Equal(0, await FlushedAsync(writer));
        Assert.Empty(_first.Received);
    }

    [Fact]
    public async Task Without_endpoints_a_collection_goes_nowhere()
    {
        await using var writer = Writer();
        Assert.False(writer.HasEndpoints);
        Collect(writer, 1);
        Assert.Equal(0, await FlushedAsync(writer));
        Assert.Empty(writer.Status());
    }

    [Fact]
    public async Task Nothing_is_sent_to_any_endpoint_while_the_permit_is_not_held()
    {
        var permit = new SwitchedPermit();
        await using var writer = PermittedWriter(permit, new() { Url = _first.Url }, new() { Url = _second.Url, SendExemplars = false });
        Collect(writer, 1);
        await permit.WaitedForAsync(4);
        Assert.Empty(_first.Received);
        Assert.Empty(_second.Received);

        permit.IsHeld = true;
        Assert.Equal(0, await FlushedAsync(writer));
        Assert.Equal((2, 2), (_first.Accepted.Count, _second.Accepted.Count));
    }

    [Fact]
    public async Task Metadata_waits_for_the_permit_like_samples()
    {
        // The permit ends while the samples are being answered.
        var permit = new SwitchedPermit { IsHeld = true };
        _first.Answer(context =>
        {
            permit.IsHeld = false;
            context.Response.StatusCode = 204;
            return Task.CompletedTask;
        });
        await using var writer = PermittedWriter(permit, new RemoteWriteOptions() { Url = _first.Url, QueueConfig = new() { MaxShards = 1 } });
        Collect(writer, 1);
        await permit.WaitedForAsync(1);
        Assert.Empty(Assert.Single(_first.Received).Body.Metadata);

        permit.IsHeld = true;
        Assert.Equal(0, await FlushedAsync(writer));
        Assert.Single(_first.Accepted[^1].Metadata);
    }

    [Fact]
    public async Task Stored_collections_give_the_highest_timestamp_and_the_next_owner_sends_them()
    {
        var store = new InMemoryObjectStore(_clock);
        _first.IsDown = true;
        var options = new RemoteWriteOptions { Url = _first.Url };
        await using (var writer = Writer(options))
        {
            await writer.ResumeAsync(Owned(store, epoch: 1));
            Assert.Equal(0, writer.HighestTimestampMs);
            using var batch = writer.BeginCollection(1000);
            Visit(batch, 1);

            // The clock was set back: the generator stamps later than that.
            writer.Complete(batch, 1234);
            Assert.Equal(1234, writer.HighestTimestampMs);
            await writer.DisposeAsync();
            Assert.Equal(1, writer.PendingSamples);
        }

        _first.IsDown = false;
        await using var next = Writer(options);
        await next.ResumeAsync(Owned(store, epoch: 2));
        Assert.Equal(1234, next.HighestTimestampMs);
        Assert.Equal(0, await FlushedAsync(next));
        Assert.Equal(1, Assert.Single(Assert.Single(_first.Accepted, static r => r.Timeseries.Count > 0).Timeseries).Samples[0].Value);
        Assert.Equal(0, next.PendingSamples);
    }

    [Fact]
    public async Task Resuming_can_be_retried_after_a_store_failure_and_nothing_is_sent_twice()
    {
        var store = new InMemoryObjectStore(_clock);
        (_first.IsDown, _second.IsDown) = (true, true);
        var options = new RemoteWriteOptions[] { new() { Url = _first.Url }, new() { Url = _second.Url } };
        await using (var writer = Writer(options))
        {
            await writer.ResumeAsync(Owned(store, epoch: 1));
            Collect(writer, 1);
        }

        (_first.IsDown, _second.IsDown) = (false, false);
        await using var next = Writer(options);
        var lists = 0;
        store.Before = (operation, _) => operation == "List" && Interlocked.Increment(ref lists) == 2 ? throw new IOException("not now") : Task.CompletedTask;
        var owned = Owned(store, epoch: 2);
        await Assert.ThrowsAsync<IOException>(() => next.ResumeAsync(owned));
        await next.ResumeAsync(owned);
        Assert.Equal(0, await FlushedAsync(next));
        Assert.Single(Texts(_first));
        Assert.Single(Texts(_second));
        Assert.Equal(3, lists);
    }

    private static List<string> Texts(RemoteEnd end) => [.. end.Accepted.SelectMany(r => r.Timeseries).Select(SeriesOf.Text)];

    private static void Collect(RemoteWriter writer, double value)
    {
        using var batch = writer.BeginCollection(1000);
        Visit(batch, value);
        writer.Complete(batch);
    }

    private static void Visit(RemoteWriteBatch batch, double value) => batch.Visitor.Visit(new SeriesPoint
    {
        Labels = SeriesOf.Labels(("service", "shop")),
        Name = SeriesOf.Calls,
        Value = value,
        TimestampMs = batch.TimestampMs,
        ExemplarTraceId = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        ExemplarValue = 1,
        ExemplarTimestampMs = 999,
    });

    // The clock stands, so the deadline never comes.
    private static Task<long> FlushedAsync(RemoteWriter writer) => writer.FlushAsync(TimeSpan.FromMinutes(1)).WaitAsync(TimeSpan.FromSeconds(30));

    private RemoteWriter Writer(params RemoteWriteOptions[] endpoints) => PermittedWriter(null, endpoints);

    private RemoteWriter PermittedWriter(IWritePermit? permit, params RemoteWriteOptions[] endpoints) =>
        new(Acme, RemoteWriteEndpoint.CreateAll(new() { RemoteWrite = endpoints }, _clock), new RemoteWriterSettings(), new RemoteWriteMetrics(_tempoMetrics), _clock, _log, permit);

    private static TenantId Acme => TenantId.TryParse("acme", out var tenant, out var error) ? tenant : throw new InvalidOperationException(error);

    private static RemoteWriteStore Owned(InMemoryObjectStore store, long epoch) => new(store, Acme, "all", epoch, fence: false);
}
