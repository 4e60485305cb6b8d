using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Ingester.Log;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Distributor;

/// <summary>
/// Routes spans from this process to the ingester partitions that own their traces. It decides over how many partitions a tenant is spread; the local
/// ingesters keep what is theirs and hand on the rest. Safe to call from any thread.
/// </summary>
/// <param name="ingesters">The partitions in this process, and the process's log.</param>
/// <param name="remote">Reaches the partitions in other processes.</param>
/// <param name="time">The clock that rates are measured by.</param>
public sealed class TraceRouter(LocalIngesters ingesters, IRemotePartitions remote, TimeProvider time) : IIngesters
{
    // A spread that is back at a single partition may be forgotten.
    private readonly RecentTable<TenantId, PartitionSpread> _spreads = new(TimeSpan.FromMinutes(10), time);

    public ValueTask<IngestOutcome> PushAsync(TenantId tenant, SpanBatch batch) =>
        ingesters.PushAsync(tenant, batch, Partitions(tenant, batch.Spans.Length), remote);

    /// <inheritdoc cref="LocalIngesters.ReplayAsync(WalRecord, int, IRemotePartitions)"/>
    public ValueTask ReplayAsync(WalRecord record) => ingesters.ReplayAsync(record, Partitions(record.Tenant, 0), remote);

    /// <inheritdoc cref="LocalIngesters.AdoptAsync"/>
    public ValueTask AdoptAsync(WalRecord record) => ingesters.AdoptAsync(record, Partitions(record.Tenant, 0), remote);

    private int Partitions(TenantId tenant, int spans)
    {
        var spread = _spreads.GetOrAdd(tenant, static (_, of) => new PartitionSpread(of.Ingesters.Partitions, of.Time), (Ingesters: ingesters, Time: time));
        lock (spread)
        {
            spread.Count(spans);
            return spread.Partitions;
        }
    }
}
