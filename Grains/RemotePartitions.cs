using Microsoft.Extensions.Logging;
using OrleansTempo.Core;
using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Grains;

/// <summary>
/// Reaches the trace grains of partitions that are not open in this silo. Spans pushed to a partition while several calls to it are in flight are
/// sent together with the next call. A silo that does not answer holds up only the first pushes to each of its partitions, and those for a moment,
/// see <see cref="Reachability"/>.
/// </summary>
internal sealed partial class RemotePartitions(IGrainFactory grains, TempoMetrics metrics, TimeProvider time, ILogger logger) : IRemotePartitions
{
    // An answer from another silo can take as long as a commit in the object store; several calls at a time keep requests from queuing behind each
    // other.
    private const int MaxCalls = 4;

    private static readonly KeyValuePair<string, object?> s_traceGrain = new("grain", "trace");

    private static readonly TimeSpan s_forgetAfter = TimeSpan.FromMinutes(10);

    // Longer than any commit in a store that works.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(3);

    // Orleans' limit for the call: no client waits for a replay, and the records of a whole segment come at once.
    private static readonly TimeSpan s_replayPatience = TimeSpan.FromSeconds(15);

    private readonly RecentTable<(TenantId Tenant, int Partition, bool IsReplayed), CallBatcher<Push>> _gatherings = new(s_forgetAfter, time);
    private readonly RecentTable<(TenantId Tenant, int Partition), Reachability> _reachabilities = new(s_forgetAfter, time);

    public async Task OpenAsync(TenantId tenant, int partition)
    {
        try
        {
            await GrainOf(tenant, partition).OpenAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            throw new IOException($"cannot reach the ingester {GrainKeys.OfPartition(tenant, partition)}: {CallFailure.Reason(e)}", e);
        }
    }

    public Task<IngestOutcome> PushAsync(TenantId tenant, int partition, SpanBatch batch, ReadOnlyMemory<int> spans, bool isReplayed)
    {
        if (!MayCall(tenant, partition))
            return Task.FromResult(Silent(tenant, partition));
        var gathering = _gatherings.GetOrAdd(
            (tenant, partition, isReplayed), static (key, self) => new CallBatcher<Push>(MaxCalls, pushes => self.SendAsync(key.Tenant, key.Partition, pushes, key.IsReplayed)), this);
        var push = new Push(new SpanPart(batch, spans));
        batch.Lease();

        // Approximates the bytes by its share of the spans.
        gathering.Add(push, (int)((long)batch.Memory.Length * spans.Length / batch.Spans.Length));
        return push.Result.Task;
    }

    private static IngestOutcome Silent(TenantId tenant, int partition) => Unreachable(tenant, partition, "its silo does not answer");

    private static IngestOutcome Unreachable(TenantId tenant, int partition, string reason) =>
        new() { Unavailable = $"cannot reach the ingester {GrainKeys.OfPartition(tenant, partition)}: {reason}; send the request again" };

    private ITraceGrain GrainOf(TenantId tenant, int partition) => grains.GetGrain<ITraceGrain>(GrainKeys.OfPartition(tenant, partition));

    private Reachability ReachabilityOf(TenantId tenant, int partition) => _reachabilities.GetOrAdd((tenant, partition), static (_, clock) => new Reachability(clock), time);

    private bool MayCall(TenantId tenant, int partition)
    {
        var reachability = ReachabilityOf(tenant, partition);
        if (reachability.MayCall(out var mustProbe))
            return true;
        if (mustProbe)
            _ = ProbeAsync(tenant, partition, reachability);
        return false;
    }

    // Without spans, so that no client waits for it. Wherever the partition is by now, the call finds it there, and opens it. Never throws.
    private async Task ProbeAsync(TenantId tenant, int partition, Reachability reachability)
    {
        var call = reachability.Begin();
        try
        {
            metrics.GrainCalls.Add(1, s_traceGrain);
            await GrainOf(tenant, partition).OpenAsync().ConfigureAwait(false);
            NoteAnswer(tenant, partition, reachability, call);
        }
        catch (Exception e)
        {
            reachability.NoteFailure(call, isSilent: e is TimeoutException);
        }

        reachability.EndProbe();
    }

    // Releases each batch's lease. Never throws: every push gets its result.
    private async Task SendAsync(TenantId tenant, int partition, List<Push> pushes, bool isReplayed)
    {
        // They have gathered behind calls that were not answered.
        if (!MayCall(tenant, partition))
        {
            foreach (var push in pushes)
            {
                push.Part.Batch.Release();
                push.Result.SetResult(Silent(tenant, partition));
            }

            return;
        }

        metrics.GrainCalls.Add(1, s_traceGrain);
        var reachability = ReachabilityOf(tenant, partition);
        var call = reachability.Begin();
        Task<IngestAnswer>? answering = null;
        try
        {
            var payload = new SpanPayload(pushes.ConvertAll(static p => p.Part), isReplayed);
            answering = GrainOf(tenant, partition).PushAsync(payload);
            var answer = await answering.WaitAsync(isReplayed ? s_replayPatience : s_patience, time).ConfigureAwait(false);
            NoteAnswer(tenant, partition, reachability, call);
            var refusals = answer.RefusalsIn(payload);
            foreach (var push in pushes)
            {
                push.Part.Batch.Release();
                push.Result.SetResult(new IngestOutcome { Unavailable = answer.Unavailable, Refusals = refusals?.GetValueOrDefault(push.Part.Batch) });
            }
        }
        catch (Exception e)
        {
            // It is unknown whether the call has arrived, or still will.
            if (reachability.NoteFailure(call, isSilent: e is TimeoutException))
                LogCallFailed(logger, tenant, partition, CallFailure.Reason(e));
            if (answering is { IsCompleted: false })
                _ = NoteLateAnswerAsync(tenant, partition, reachability, call, answering);
            var unavailable = Unreachable(tenant, partition, CallFailure.Reason(e));
            foreach (var push in pushes)
            {
                push.Part.Batch.Abandon();
                push.Result.TrySetResult(unavailable);
            }
        }
    }

    private async Task NoteLateAnswerAsync(TenantId tenant, int partition, Reachability reachability, long call, Task answering)
    {
        await answering.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (answering.IsCompletedSuccessfully)
            NoteAnswer(tenant, partition, reachability, call);
    }

    private void NoteAnswer(TenantId tenant, int partition, Reachability reachability, long call)
    {
        if (reachability.NoteAnswer(call))
            LogReachedAgain(logger, tenant, partition);
    }

    [LoggerMessage(3007, LogLevel.Warning, "Tenant {Tenant}: the ingester of partition {Partition} cannot be reached; requests with spans for it are refused until it can: {Reason}")]
    private static partial void LogCallFailed(ILogger logger, TenantId tenant, int partition, string reason);

    [LoggerMessage(3008, LogLevel.Information, "Tenant {Tenant}: the ingester of partition {Partition} can be reached again")]
    private static partial void LogReachedAgain(ILogger logger, TenantId tenant, int partition);

    private sealed class Push(SpanPart part)
    {
        public SpanPart Part => part;

        public TaskCompletionSource<IngestOutcome> Result { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
