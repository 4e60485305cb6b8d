using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Core;
using OrleansTempo.Core.Configuration;
using OrleansTempo.Core.Configuration.Ingester;
using OrleansTempo.Core.Configuration.Overrides;
using OrleansTempo.Core.Configuration.Storage;
using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Ingester.Log;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.Querier.Traces;
using OrleansTempo.Server.Traces;

namespace OrleansTempo.Server.Tests.Traces;

/// <summary>What a start finds of the log that the last one left, before pushes may come.</summary>
public sealed class TraceStoreTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("traces");
    private readonly InMemoryObjectStore _store = new();
    private readonly TempoMetrics _metrics = new();
    private readonly MetricValues _values;

    public TraceStoreTests() => _values = new MetricValues(_metrics);

    private static TenantId Tenant => TenantId.TryParse("acme", out var tenant, out _) ? tenant : throw new InvalidOperationException();

    private double Commits => _values["tempo_ingester_wal_commits_total"];

    public void Dispose()
    {
        _values.Dispose();
        _metrics.Dispose();
        _folder.Delete(recursive: true);
    }

    [Theory]
    [InlineData(true, true, 0)]
    [InlineData(false, false, 0)]
    [InlineData(true, false, 1)]
    [InlineData(false, true, 1)]
    public async Task Before_it_is_ready_a_process_has_the_previous_log_and_only_rewrites_a_log_of_the_other_type(bool wasAlone, bool isAlone, int commits)
    {
        await LogOneAsync(wasAlone);
        var before = Commits;
        var (traces, partitions) = await OpenAsync(isAlone);
        Assert.True(await traces.StartAsync(CancellationToken.None));
        Assert.True(partitions.HasSpan);
        Assert.Equal(commits, Commits - before);
        await traces.DisposeAsync();

        // Back again, it is once more all there.
        var (next, found) = await OpenAsync(wasAlone);
        Assert.True(await next.StartAsync(CancellationToken.None));
        Assert.True(found.HasSpan);
        await next.DisposeAsync();
    }

    [Fact]
    public async Task A_process_is_not_ready_before_its_own_log_is_replayed_however_often_that_fails()
    {
        await LogOneAsync(isAlone: false);
        var (traces, partitions) = await OpenAsync(isAlone: false);
        partitions.Failures = 3;
        Assert.True(await traces.StartAsync(CancellationToken.None));
        Assert.True(partitions.HasSpan);
        Assert.Equal(0, partitions.Failures);
        await traces.DisposeAsync();
    }

    [Fact]
    public async Task A_log_of_the_other_type_that_cannot_be_adopted_is_retried_once_ready()
    {
        await LogOneAsync(isAlone: true);
        var (traces, partitions) = await OpenAsync(isAlone: false);
        partitions.Failures = 1;
        Assert.True(await traces.StartAsync(CancellationToken.None));
        await partitions.Pushed.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.True(partitions.HasSpan);
        await traces.DisposeAsync();
    }

    [Fact]
    public async Task The_configured_type_also_applies_to_a_process_that_runs_alone()
    {
        var (traces, _) = await OpenAsync(isAlone: true, WalType.Object);
        Assert.Contains(_store.Names, static name => name.EndsWith("/owner", StringComparison.Ordinal));
        await traces.DisposeAsync();
    }

    [Fact]
    public async Task The_log_of_a_member_that_was_declared_dead_is_adopted_at_once_and_until_then_queries_say_what_they_miss()
    {
        var dead = new HashSet<string>();
        var (lost, _) = await OpenAsync(isAlone: false, member: new WalMember("lost", dead.Contains));
        Assert.True(await lost.StartAsync(CancellationToken.None));
        await PushAsync(lost);
        var (traces, partitions) = await OpenAsync(isAlone: false, member: new WalMember("other", dead.Contains));
        Assert.True(await traces.StartAsync(CancellationToken.None));
        Assert.Empty(await ProblemsAsync(traces));

        // The adopter waits for its partition.
        var held = new TaskCompletionSource();
        partitions.Held = held.Task;
        dead.Add("lost");
        traces.NoteDead("lost");
        Assert.Equal(["the write-ahead log of lost is not adopted yet: spans that it took last may be missing; ask again in a few seconds"], await ProblemsAsync(traces));
        Assert.False(partitions.HasSpan);

        held.SetResult();
        await partitions.Pushed.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.True(partitions.HasSpan);
        await Eventually.GetAsync(() => ProblemsAsync(traces), static problems => problems.Count == 0, static problems => string.Join('\n', problems));
        Assert.Contains("taken over", await lost.LogLost.WaitAsync(TimeSpan.FromSeconds(30)), StringComparison.Ordinal);
        await traces.DisposeAsync();
        await lost.DisposeAsync();
    }

    private static async Task<IReadOnlyList<string>> ProblemsAsync(TraceStore traces) =>
        (await traces.FindAsync(Tenant, new TraceId(1, 1), default, CancellationToken.None)).Problems;

    // A process that acknowledges one span, and ends before that is in a block.
    private async Task LogOneAsync(bool isAlone)
    {
        var (traces, _) = await OpenAsync(isAlone);
        Assert.True(await traces.StartAsync(CancellationToken.None));
        await PushAsync(traces);
        await traces.DisposeAsync();
    }

    private static async Task PushAsync(TraceStore traces)
    {
        var buffer = RequestBuffer.RentUncounted(Requests.Golden.Length);
        Requests.Golden.CopyTo(buffer.Array, 0);
        buffer.Length = Requests.Golden.Length;
        Assert.True(SpanBatch.TryRead(buffer, 0, out var batch, out _));
        Assert.Null((await traces.Router.PushAsync(Tenant, batch)).Unavailable);
        batch.Release();
    }

    private async Task<(TraceStore Traces, Partitions Partitions)> OpenAsync(bool isAlone, WalType? type = null, WalMember? member = null)
    {
        var partitions = new Partitions();
        var traces = await TraceStore.OpenAsync(
            new TempoOptions
            {
                Ingester = new IngesterOptions { Partitions = 1 },
                Storage = new StorageOptions { Trace = new TraceStorageOptions { Wal = new WalOptions { Path = Path.Combine(_folder.FullName, $"wal{member?.Silo}"), Type = type } } },
            },
            isAlone,
            new StaticOverrides(new TenantOverrides()),
            _store,
            partitions,
            static _ => new NoTraces(),
            static () => { },
            _metrics,
            new Hasty(),
            NullLogger.Instance,
            member);
        partitions.Ingesters = traces.Ingesters;
        return (traces, partitions);
    }

    /// <summary>All partitions are here; to open one fails as often as a test says.</summary>
    private sealed class Partitions : IRemotePartitions
    {
        private readonly TaskCompletionSource _pushed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public LocalIngesters? Ingesters { get; set; }

        public int Failures { get; set; }

        public Task Held { get; set; } = Task.CompletedTask;

        public Task Pushed => _pushed.Task;

        public bool HasSpan => Ingesters!.FindPartition(Tenant, 0) is { IsEmpty: false };

        public Task OpenAsync(TenantId tenant, int partition)
        {
            if (Failures > 0)
            {
                Failures--;
                throw new IOException("the ingester cannot be reached");
            }

            Ingesters!.Open(tenant, partition);
            return Task.CompletedTask;
        }

        public async Task<IngestOutcome> PushAsync(TenantId tenant, int partition, SpanBatch batch, ReadOnlyMemory<int> spans, bool isReplayed)
        {
            await Held;
            try
            {
                await OpenAsync(tenant, partition);
            }
            catch (IOException e)
            {
                return new IngestOutcome { Unavailable = e.Message };
            }

            var result = await Ingesters!.PushAsync(tenant, partition, batch, spans, isReplayed);
            _pushed.TrySetResult();
            return result;
        }
    }

    private sealed class NoTraces : ITraceSource
    {
        public ValueTask FindAsync(TenantId tenant, TraceId traceId, TraceRange range, TraceSpans into, ICollection<string> problems, CancellationToken cancellationToken) => default;
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
