using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Querier;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Grains;

/// <summary>
/// The way to the ingester partitions where they are grains. What is pushed for a tenant gathers until <see cref="Send"/>; then each partition is
/// called once, whatever number of batches it is in:
/// <code>
///   batch ─┐            ┌─► trace grain here ─► indexed ──────────┐
///   batch ─┼─ split ────┤                                         ├─► this silo's log, once a batch ─► answers
///   batch ─┘            └─► trace grain elsewhere ─► its own log ─┘
/// </code>
/// </summary>
internal sealed partial class ClusterIngesters : ITraceRouting
{
    private readonly ConcurrentDictionary<TenantId, Gathering> _gatherings = new();
    private readonly ConcurrentBag<TraceSplit> _splits = [];
    private readonly IGrainFactory _grains;
    private readonly LocalIngesters _ingesters;
    private readonly BlockTraces _blocks;
    private readonly TempoMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;

    /// <param name="grains">Makes references to grains.</param>
    /// <param name="ingesters">The partitions in this silo, and its log.</param>
    /// <param name="blocks">The blocks that this silo has listed.</param>
    /// <param name="metrics">The process's own metrics.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">The process's log.</param>
    public ClusterIngesters(IGrainFactory grains, LocalIngesters ingesters, BlockTraces blocks, TempoMetrics metrics, TimeProvider time, ILogger logger)
    {
        _grains = grains;
        _ingesters = ingesters;
        _blocks = blocks;
        _metrics = metrics;
        _time = time;
        _logger = logger;
    }

    /// <summary>Adds a batch to what is sent with the next <see cref="Send"/> of its tenant; completes when that is through.</summary>
    public ValueTask<IngestResult> PushAsync(TenantId tenant, SpanBatch batch)
    {
        var push = new Push(batch);
        batch.Lease();
        var gathering = Of(tenant);
        lock (gathering)
            gathering.Pushes.Add(push);
        return new ValueTask<IngestResult>(push.Result.Task);
    }

    /// <summary>Sends what has gathered for a tenant.</summary>
    public void Send(TenantId tenant)
    {
        var gathering = Of(tenant);
        Push[] pushes;
        int partitions;
        lock (gathering)
        {
            if (gathering.Pushes.Count == 0)
                return;
            pushes = [.. gathering.Pushes];
            gathering.Pushes.Clear();
            gathering.Spread.Count(pushes.Sum(static p => p.Batch.Spans.Length));
            partitions = gathering.Spread.Partitions;
        }

        _ = SendAsync(tenant, pushes, partitions, isReplayed: false);
    }

    public async ValueTask FindAsync(TenantId tenant, TraceId traceId, TraceRange range, TraceSpans into, ICollection<string> problems, CancellationToken cancellationToken)
    {
        var id = new byte[TraceId.Length];
        traceId.Write(id);
        var answers = PartitionSpread.Candidates(traceId, _ingesters.Partitions)
            .Select(partition => FindAsync(GrainKeys.OfPartition(tenant, partition), id, cancellationToken));
        foreach (var trace in await Task.WhenAll(answers).ConfigureAwait(false))
        {
            trace.AddTo(into);
            await _blocks.FindUnlistedAsync([.. trace.ReadBlocks(tenant)], traceId, into, cancellationToken).ConfigureAwait(false);
        }
    }

    public ValueTask ReplayAsync(WalRecord record) => AdoptAsync(record);

    public async ValueTask AdoptAsync(WalRecord record)
    {
        if (await _ingesters.ReadAsync(record).ConfigureAwait(false) is not { } batch)
            return;
        var push = new Push(batch);
        var gathering = Of(record.Tenant);
        int partitions;
        lock (gathering)
            partitions = gathering.Spread.Partitions;
        await SendAsync(record.Tenant, [push], partitions, isReplayed: true).ConfigureAwait(false);
        if ((await push.Result.Task.ConfigureAwait(false)).Unavailable is { } reason)
            throw new IOException(reason);
    }

    private Gathering Of(TenantId tenant) => _gatherings.TryGetValue(tenant, out var known)
        ? known
        : _gatherings.GetOrAdd(tenant, static (_, self) => new Gathering(new PartitionSpread(self._ingesters.Partitions, self._time)), this);

    private async Task<LiveTrace> FindAsync(string partition, byte[] traceId, CancellationToken cancellationToken)
    {
        try
        {
            return await _grains.GetGrain<ITraceGrain>(partition).FindAsync(traceId).WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw new IOException($"the ingester {partition} cannot be asked for live traces: {e.Message}; try again", e);
        }
    }

    // Gives up one lease of each batch. Never throws: every push gets its result.
    private async Task SendAsync(TenantId tenant, Push[] pushes, int partitions, bool isReplayed)
    {
        try
        {
            await CallAsync(tenant, pushes, partitions, isReplayed).ConfigureAwait(false);
            if (pushes.Any(static p => p.LogsHere.Count > 0))
            {
                await Task.WhenAll(pushes.Where(static p => p.LogsHere.Count > 0 && p.Failure is null).Select(p => LogAsync(tenant, p))).ConfigureAwait(false);
                await _ingesters.SettleAsync().ConfigureAwait(false);
            }
        }
        catch (Exception e)
        {
            SendFailed(_logger, tenant, e);
            foreach (var push in pushes)
                (push.Failure, push.MayStillBeRead) = ($"the spans could not be handed to their ingesters: {e.Message}", true);
        }

        foreach (var push in pushes)
        {
            if (push.MayStillBeRead)
                push.Batch.Abandon();
            else
                push.Batch.Release();
            push.Result.SetResult(new IngestResult { Unavailable = push.Failure, Refusals = push.Refusals });
        }
    }

    private async Task CallAsync(TenantId tenant, Push[] pushes, int partitions, bool isReplayed)
    {
        var parts = new List<SpanPart>?[partitions];
        var owners = new Dictionary<SpanBatch, Push>(pushes.Length);
        var split = _splits.TryTake(out var former) ? former : new TraceSplit();
        foreach (var push in pushes)
        {
            owners.Add(push.Batch, push);
            push.Batch.Prepare();
            SpanParts.Add(push.Batch, split, parts);
        }

        _splits.Add(split);
        var calls = new List<(int Partition, SpanPayload Payload, Task<IngestAnswer> Answer)>(partitions);
        for (var i = 0; i < partitions; i++)
        {
            if (parts[i] is not { } some)
                continue;
            var payload = new SpanPayload(some, isReplayed);
            calls.Add((i, payload, _grains.GetGrain<ITraceGrain>(GrainKeys.OfPartition(tenant, i)).PushAsync(payload)));
        }

        _metrics.GrainCalls.Add(calls.Count, s_traceGrain);
        foreach (var (partition, payload, answer) in calls)
        {
            await ((Task)answer).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (answer.IsCompletedSuccessfully)
            {
                Note(answer.Result, payload, parts[partition]!, owners);
                continue;
            }

            // Whether the call has come, or will yet, nobody knows.
            var reason = answer.Exception?.InnerException?.Message ?? "the call was cancelled";
            CallFailed(_logger, tenant, partition, reason);
            foreach (var part in parts[partition]!)
                (owners[part.Batch].Failure, owners[part.Batch].MayStillBeRead) = ($"the ingester {GrainKeys.OfPartition(tenant, partition)} cannot be reached: {reason}; send the request again", true);
        }
    }

    private static void Note(IngestAnswer answer, SpanPayload payload, List<SpanPart> parts, Dictionary<SpanBatch, Push> owners)
    {
        if (answer.LogHere || answer.Unavailable is not null)
        {
            foreach (var part in parts)
            {
                var push = owners[part.Batch];
                push.Failure ??= answer.Unavailable;
                if (answer.LogHere)
                    push.LogsHere.Add(part.Spans);
            }
        }

        if (answer.LiveTracesExceeded is { } exceeded)
        {
            foreach (var (part, span) in payload.Find(exceeded))
                (owners[part.Batch].Refusals ??= new Refusals()).AddLiveTracesExceeded(span);
        }

        if (answer.TracesTooLarge is { } tooLarge)
        {
            foreach (var (part, span) in payload.Find(tooLarge))
                (owners[part.Batch].Refusals ??= new Refusals()).AddTraceTooLarge(span);
        }
    }

    // What was indexed here, but for what a limit kept out. Most often that is the whole batch, which then needs no copy.
    private async Task LogAsync(TenantId tenant, Push push)
    {
        var refused = push.Refusals?.Spans.ToHashSet() ?? [];
        var count = push.LogsHere.Sum(static spans => spans.Length);
        if (count == push.Batch.Spans.Length && refused.Count == 0)
        {
            push.Failure = await _ingesters.LogAsync(tenant, push.Batch.Memory).ConfigureAwait(false);
            return;
        }

        var spans = new List<int>(count);
        foreach (var part in push.LogsHere)
        {
            foreach (var span in part.Span)
            {
                if (!refused.Contains(span))
                    spans.Add(span);
            }
        }

        if (spans.Count == 0)
            return;
        spans.Sort();
        var length = OtlpSubset.Length(push.Batch, CollectionsMarshal.AsSpan(spans));
        var bytes = ArrayPool<byte>.Shared.Rent(length);
        OtlpSubset.Write(push.Batch, CollectionsMarshal.AsSpan(spans), bytes);
        push.Failure = await _ingesters.LogAsync(tenant, bytes.AsMemory(0, length)).ConfigureAwait(false);
        ArrayPool<byte>.Shared.Return(bytes);
    }

    private static readonly KeyValuePair<string, object?> s_traceGrain = new("grain", "trace");

    [LoggerMessage(Level = LogLevel.Warning, Message = "tenant {Tenant}: the ingester of partition {Partition} cannot be reached, requests with spans of it are refused: {Reason}")]
    private static partial void CallFailed(ILogger logger, TenantId tenant, int partition, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "tenant {Tenant}: spans could not be handed to their ingesters")]
    private static partial void SendFailed(ILogger logger, TenantId tenant, Exception exception);

    private sealed class Gathering(PartitionSpread spread)
    {
        public PartitionSpread Spread => spread;

        public List<Push> Pushes { get; } = [];
    }

    private sealed class Push(SpanBatch batch)
    {
        public SpanBatch Batch => batch;

        public TaskCompletionSource<IngestResult> Result { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>The spans that are indexed in this silo and still to be logged, partition by partition.</summary>
        public List<ReadOnlyMemory<int>> LogsHere { get; } = [];

        public bool MayStillBeRead { get; set; }

        public string? Failure { get; set; }

        public Refusals? Refusals { get; set; }
    }
}
