using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.Querier;
using OrleansTempo.Core.Tests.Storage;
using OrleansTempo.Server.Configuration;
using OrleansTempo.Server.Traces;

namespace OrleansTempo.Server.Tests.Traces;

/// <summary>What a start finds of the log that the last one left, before pushes may come.</summary>
public sealed class TraceStoreTests : IDisposable
{
    private static readonly byte[] s_request = [1, 2, 3];

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("traces");
    private readonly InMemoryObjectStore _store = new();
    private readonly TempoMetrics _metrics = new();

    public void Dispose()
    {
        _metrics.Dispose();
        _folder.Delete(recursive: true);
    }

    [Theory]
    [InlineData(true, true, "replayed 010203")]
    [InlineData(false, false, "replayed 010203")]
    [InlineData(true, false, "adopted 010203")]
    [InlineData(false, true, "adopted 010203")]
    public async Task Before_a_process_is_ready_it_has_what_the_last_one_logged_alone_or_in_a_cluster(bool wasAlone, bool isAlone, string expected)
    {
        await LeaveAsync(wasAlone);

        var (traces, routing) = await OpenAsync(isAlone);
        Assert.True(await traces.StartAsync(CancellationToken.None));
        Assert.Equal([expected], routing.Records);
        await traces.DisposeAsync();

        var (next, nothing) = await OpenAsync(wasAlone);
        Assert.True(await next.StartAsync(CancellationToken.None));
        Assert.Empty(nothing.Records);
        await next.DisposeAsync();
    }

    [Fact]
    public async Task It_is_not_ready_before_its_own_log_is_replayed_however_often_that_fails()
    {
        await LeaveAsync(isAlone: false);
        var (traces, routing) = await OpenAsync(isAlone: false);
        routing.Failures = 3;
        Assert.True(await traces.StartAsync(CancellationToken.None));
        Assert.Equal(["replayed 010203"], routing.Records);
        Assert.Equal(0, routing.Failures);
        await traces.DisposeAsync();
    }

    [Fact]
    public async Task A_log_of_the_other_type_that_cannot_be_adopted_is_tried_again_when_it_is_ready()
    {
        await LeaveAsync(isAlone: true);
        var (traces, routing) = await OpenAsync(isAlone: false);
        routing.Failures = 1;
        Assert.True(await traces.StartAsync(CancellationToken.None));
        Assert.Equal("adopted 010203", await routing.First.WaitAsync(TimeSpan.FromSeconds(30)));
        await traces.DisposeAsync();
    }

    [Fact]
    public async Task The_type_that_is_configured_holds_for_a_process_alone_too()
    {
        var (traces, _) = await OpenAsync(isAlone: true, WalType.Object);
        Assert.Contains(_store.Names, static name => name.EndsWith("/owner", StringComparison.Ordinal));
        await traces.DisposeAsync();
    }

    private static TenantId Tenant => TenantId.TryParse("acme", out var tenant, out _) ? tenant : throw new InvalidOperationException();

    // Ended before it had started: whatever it has logged stays.
    private async Task LeaveAsync(bool isAlone)
    {
        var (traces, _) = await OpenAsync(isAlone);
        Assert.Null(await traces.Ingesters.LogAsync(Tenant, s_request));
        await traces.DisposeAsync();
    }

    private async Task<(TraceStore Traces, Routing Routing)> OpenAsync(bool isAlone, WalType? type = null)
    {
        Routing routing = null!;
        var traces = await TraceStore.OpenAsync(
            new TempoOptions
            {
                Storage = new StorageOptions { Trace = new TraceStorageOptions { Wal = new WalOptions { Path = Path.Combine(_folder.FullName, "wal"), Type = type } } },
            },
            isAlone,
            new StaticOverrides(new TenantOverrides()),
            _store,
            (ingesters, _) => routing = new Routing(ingesters),
            static () => { },
            _metrics,
            new Hasty(),
            NullLogger.Instance);
        return (traces, routing);
    }

    private sealed class Routing(LocalIngesters ingesters) : ITraceRouting
    {
        private readonly TaskCompletionSource<string> _first = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Failures { get; set; }

        public List<string> Records { get; } = [];

        public Task<string> First => _first.Task;

        public ValueTask ReplayAsync(WalRecord record) => Take("replayed", record);

        public async ValueTask AdoptAsync(WalRecord record)
        {
            await Take("adopted", record);
            Assert.Null(await ingesters.LogAsync(record.Tenant, record.Request));
        }

        public ValueTask<IngestResult> PushAsync(TenantId tenant, SpanBatch batch) => throw new NotSupportedException();

        public ValueTask FindAsync(TenantId tenant, TraceId traceId, TraceRange range, TraceSpans into, ICollection<string> problems, CancellationToken cancellationToken) => default;

        private ValueTask Take(string how, WalRecord record)
        {
            if (Failures > 0)
            {
                Failures--;
                throw new IOException("the ingester cannot be reached");
            }

            var text = $"{how} {Convert.ToHexString(record.Request.Span)}";
            Records.Add(text);
            _first.TrySetResult(text);
            return default;
        }
    }

    /// <summary>Tries again at once what waits for 10 s.</summary>
    private sealed class Hasty : TimeProvider
    {
        private static readonly TimeSpan s_retry = TimeSpan.FromSeconds(10);
        private static readonly TimeSpan s_atOnce = TimeSpan.FromMilliseconds(1);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, dueTime == s_retry ? s_atOnce : dueTime, period == s_retry ? s_atOnce : period);
    }
}
