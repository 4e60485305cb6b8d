using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Distributor;

/// <summary>The bounded way to the tenant's metrics-generator.</summary>
public interface IGeneratorQueue
{
    /// <summary>
    /// Offers a batch, never waiting: it takes a lease of its own where it takes the batch, and counts the batch as
    /// dropped where it has no room. A tenant without a generator takes nothing and counts nothing.
    /// </summary>
    void Offer(TenantId tenant, SpanBatch batch);

    /// <summary>How long the answer to a request of the tenant should be held, so that its generator keeps up; most often not at all.</summary>
    TimeSpan Hold(TenantId tenant);
}
