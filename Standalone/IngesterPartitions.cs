using System.Collections.Concurrent;
using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Querier;

namespace OrleansTempo.Standalone;

/// <summary>
/// The way to the ingester partitions where all of them are in this process:
/// <code>
///   batch ─► split by trace ID ─► partitions, one after another ─► one record in the write-ahead log
/// </code>
/// </summary>
internal sealed class IngesterPartitions(LocalIngesters ingesters, BlockTraces blocks) : ITraceRouting
{
    private readonly ConcurrentBag<TraceSplit> _splits = [];

    public async ValueTask<IngestResult> PushAsync(TenantId tenant, SpanBatch batch)
    {
        if (await ingesters.AdmitAsync().ConfigureAwait(false) is { } full)
            return new IngestResult { Unavailable = full };

        var refusals = Index(tenant, batch, ingesters.CurrentSegment, ingesters.LimitsOf(tenant));
        if (refusals is null || refusals.Count < batch.Spans.Length)
        {
            var logged = refusals is null ? batch.Memory : OtlpSubset.Without(batch, refusals.Spans);
            if (await ingesters.LogAsync(tenant, logged).ConfigureAwait(false) is { } failure)
                return new IngestResult { Unavailable = failure };
        }

        await ingesters.SettleAsync().ConfigureAwait(false);
        return new IngestResult { Refusals = refusals };
    }

    public async ValueTask FindAsync(TenantId tenant, TraceId traceId, TraceRange range, TraceSpans into, ICollection<string> problems, CancellationToken cancellationToken)
    {
        if (!ingesters.Knows(tenant))
            return;
        var written = ingesters.Partition(tenant, TraceSplit.PartitionOf(traceId, ingesters.Partitions)).Find(traceId, into);
        await blocks.FindUnlistedAsync(written, traceId, into, cancellationToken).ConfigureAwait(false);
    }

    // The log keeps the record until its segment is released.
    public async ValueTask ReplayAsync(WalRecord record)
    {
        if (await ingesters.ReadAsync(record).ConfigureAwait(false) is { } batch)
        {
            Index(record.Tenant, batch, record.Segment, default);
            batch.Release();
        }
    }

    public async ValueTask AdoptAsync(WalRecord record)
    {
        if (await ingesters.ReadAsync(record).ConfigureAwait(false) is not { } batch)
            return;
        Index(record.Tenant, batch, ingesters.CurrentSegment, default);
        batch.Release();
        if (await ingesters.LogAsync(record.Tenant, record.Request).ConfigureAwait(false) is { } failure)
            throw new IOException(failure);
    }

    private Refusals? Index(TenantId tenant, SpanBatch batch, long segment, IngesterLimits limits)
    {
        var split = _splits.TryTake(out var former) ? former : new TraceSplit();
        split.Split(batch, ingesters.Partitions);
        Refusals? refusals = null;
        for (var i = 0; i < ingesters.Partitions; i++)
        {
            var spans = split.Spans(i);
            if (spans.Length > 0)
                ingesters.Partition(tenant, i).Push(batch, spans, segment, limits, ref refusals);
        }

        _splits.Add(split);
        return refusals;
    }
}
