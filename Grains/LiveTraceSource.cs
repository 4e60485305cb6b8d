using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Querier.Traces;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Grains;

/// <summary>
/// Finds spans in the live traces of all silos, and in blocks so new that not every silo has listed them, by asking the few trace grains that may
/// hold the trace.
/// </summary>
/// <param name="grains">Creates references to grains.</param>
/// <param name="partitions">The number of partitions of a tenant.</param>
/// <param name="blocks">The blocks that this silo has listed.</param>
/// <param name="time">The clock that limits how long a grain is waited for.</param>
internal sealed class LiveTraceSource(IGrainFactory grains, int partitions, BlockTraces blocks, TimeProvider time) : ITraceSource
{
    // Usually it takes milliseconds; a grain that has just moved lists the tenant's blocks first.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    public async ValueTask FindAsync(TenantId tenant, TraceId traceId, TraceRange range, TraceSpans into, ICollection<string> problems, CancellationToken cancellationToken)
    {
        var id = new byte[TraceId.Length];
        traceId.Write(id);
        var answers = PartitionSpread.Candidates(traceId, partitions).Select(partition => FindAsync(GrainKeys.OfPartition(tenant, partition), id, cancellationToken));
        foreach (var (trace, problem) in await Task.WhenAll(answers).ConfigureAwait(false))
        {
            if (trace is null)
            {
                problems.Add(problem);
                continue;
            }

            trace.AddTo(into);
            await blocks.FindUnlistedAsync([.. trace.ReadBlocks(tenant)], traceId, into, cancellationToken).ConfigureAwait(false);
        }
    }

    // What is wrong, if there is no answer: the spans found elsewhere are still worth having.
    private async Task<(LiveTraceAnswer? Trace, string Problem)> FindAsync(string partition, byte[] traceId, CancellationToken cancellationToken)
    {
        try
        {
            return (await grains.GetGrain<ITraceGrain>(partition).FindAsync(traceId).WaitAsync(s_patience, time, cancellationToken).ConfigureAwait(false), "");
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return (null, $"cannot ask the ingester {partition} for live traces: {CallFailure.Reason(e)}; ask again in a few seconds");
        }
    }
}
