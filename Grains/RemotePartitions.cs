using Microsoft.Extensions.Logging;
using OrleansTempo.Core;
using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Grains;

/// <summary>
/// Reaches the trace grains of partitions that are not open in this silo. Spans pushed to a partition while several calls to it are in flight are
/// sent together with the next call.
/// </summary>
internal sealed partial class RemotePartitions(IGrainFactory grains, TempoMetrics metrics, TimeProvider time, ILogger logger) : IRemotePartitions
{
    // An answer from another silo can take as long as a commit in the object store; several calls at a time keep requests from queuing behind each
    // other.
    private const int MaxCalls = 4;

    private static readonly KeyValuePair<string, object?> s_traceGrain = new("grain", "trace");

    private static readonly TimeSpan s_forgetAfter = TimeSpan.FromMinutes(10);

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
            throw new IOException($"cannot reach the ingester {GrainKeys.OfPartition(tenant, partition)}: {e.Message}", e);
        }
    }

    public Task<IngestOutcome> PushAsync(TenantId tenant, int partition, SpanBatch batch, ReadOnlyMemory<int> spans, bool isReplayed)
    {
        var gathering = _gatherings.GetOrAdd(
            (tenant, partition, isReplayed), static (key, self) => new CallBatcher<Push>(MaxCalls, pushes => self.SendAsync(key.Tenant, key.Partition, pushes, key.IsReplayed)), this);
        var push = new Push(new SpanPart(batch, spans));
        batch.Lease();

        // Approximates the bytes by its share of the spans.
        gathering.Add(push, (int)((long)batch.Memory.Length * spans.Length / batch.Spans.Length));
        return push.Result.Task;
    }

    private ITraceGrain GrainOf(TenantId tenant, int partition) => grains.GetGrain<ITraceGrain>(GrainKeys.OfPartition(tenant, partition));

    // Releases each batch's lease. Never throws: every push gets its result.
    private async Task SendAsync(TenantId tenant, int partition, List<Push> pushes, bool isReplayed)
    {
        metrics.GrainCalls.Add(1, s_traceGrain);
        var reachability = _reachabilities.GetOrAdd((tenant, partition), static (_, _) => new Reachability(), 0);
        var call = reachability.Begin();
        try
        {
            var payload = new SpanPayload(pushes.ConvertAll(static p => p.Part), isReplayed);
            var answer = await GrainOf(tenant, partition).PushAsync(payload).ConfigureAwait(false);
            if (reachability.NoteAnswer(call))
                LogReachedAgain(logger, tenant, partition);
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
            if (reachability.NoteFailure(call))
                LogCallFailed(logger, tenant, partition, e.Message);
            var unavailable = new IngestOutcome { Unavailable = $"cannot reach the ingester {GrainKeys.OfPartition(tenant, partition)}: {e.Message}; send the request again" };
            foreach (var push in pushes)
            {
                push.Part.Batch.Abandon();
                push.Result.TrySetResult(unavailable);
            }
        }
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
