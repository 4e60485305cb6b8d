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
internal sealed class LiveTraceSource(IGrainFactory grains, int partitions, BlockTraces blocks) : ITraceSource
{
    public async ValueTask FindAsync(TenantId tenant, TraceId traceId, TraceRange range, TraceSpans into, ICollection<string> problems, CancellationToken cancellationToken)
    {
        var id = new byte[TraceId.Length];
        traceId.Write(id);
        var answers = PartitionSpread.Candidates(traceId, partitions).Select(partition => FindAsync(GrainKeys.OfPartition(tenant, partition), id, cancellationToken));
        foreach (var trace in await Task.WhenAll(answers).ConfigureAwait(false))
        {
            trace.AddTo(into);
            await blocks.FindUnlistedAsync([.. trace.ReadBlocks(tenant)], traceId, into, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<LiveTraceAnswer> FindAsync(string partition, byte[] traceId, CancellationToken cancellationToken)
    {
        try
        {
            return await grains.GetGrain<ITraceGrain>(partition).FindAsync(traceId).WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw new IOException($"cannot ask the ingester {partition} for live traces: {e.Message}; try again", e);
        }
    }
}
