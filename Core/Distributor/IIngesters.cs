using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Distributor;

/// <summary>Pushes spans to the ingester partitions of all tenants.</summary>
public interface IIngesters
{
    /// <summary>
    /// Writes a batch to the partitions that own its traces. Once it completes as accepted, the spans are in the write-ahead log, except those that a
    /// limit refused; if it is not accepted, the client may send the batch again.
    /// </summary>
    /// <param name="tenant">The tenant that sent the batch.</param>
    /// <param name="batch">Spans with valid IDs; the caller holds a lease until the call completes.</param>
    ValueTask<IngestOutcome> PushAsync(TenantId tenant, SpanBatch batch);
}
