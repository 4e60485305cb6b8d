using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Querier;

namespace OrleansTempo.Standalone;

/// <summary>The ingester partitions where all of them are in this process: each is opened when it is first asked for.</summary>
internal sealed class PartitionsHere(Func<LocalIngesters> ingesters) : IRemotePartitions
{
    public Task OpenAsync(TenantId tenant, int partition)
    {
        ingesters().Partition(tenant, partition).Open();
        return Task.CompletedTask;
    }

    public async Task<IngestResult> PushAsync(TenantId tenant, int partition, SpanBatch batch, ReadOnlyMemory<int> spans, bool isReplayed)
    {
        await OpenAsync(tenant, partition).ConfigureAwait(false);
        return await ingesters().PushAsync(tenant, partition, batch, spans, isReplayed).ConfigureAwait(false);
    }

    /// <summary>The live traces of this process.</summary>
    public sealed class LiveTraces(Func<LocalIngesters> ingesters, BlockTraces blocks) : ITraceSource
    {
        public async ValueTask FindAsync(TenantId tenant, TraceId traceId, TraceRange range, TraceSpans into, ICollection<string> problems, CancellationToken cancellationToken)
        {
            foreach (var partition in PartitionSpread.Candidates(traceId, ingesters().Partitions))
            {
                if (ingesters().Known(tenant, partition) is { } known)
                    await blocks.FindUnlistedAsync(known.Find(traceId, into), traceId, into, cancellationToken).ConfigureAwait(false);
            }
        }
    }
}
