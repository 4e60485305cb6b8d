using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Querier.Traces;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Grains;

/// <summary>The live traces of all silos, and the blocks so new that not every silo has listed them: asked of the few trace grains that can have a trace.</summary>
/// <param name="grains">Makes references to grains.</param>
/// <param name="partitions">How many a tenant has.</param>
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

    private async Task<LiveTrace> FindAsync(string partition, byte[] traceId, CancellationToken cancellationToken)
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
