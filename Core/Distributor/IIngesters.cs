using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Distributor;

/// <summary>The way to the ingester partitions of all tenants.</summary>
public interface IIngesters
{
    /// <summary>
    /// Writes a batch to the partitions that own its traces. When it completes as accepted, the spans are in the write-ahead
    /// log, but for those that a limit refused; when it is not accepted, the client may send the batch again.
    /// </summary>
    /// <param name="tenant">Whose batch it is.</param>
    /// <param name="batch">Spans with valid IDs; the caller holds a lease until the result is there.</param>
    ValueTask<IngestResult> PushAsync(TenantId tenant, SpanBatch batch);
}
