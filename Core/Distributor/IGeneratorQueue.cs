using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Distributor;

/// <summary>The bounded queue in front of the tenant's metrics-generator.</summary>
public interface IGeneratorQueue
{
    /// <summary>
    /// Offers a batch without waiting. The queue takes a lease of its own if it accepts the batch, and counts the batch as dropped if it has no room.
    /// For a tenant without a generator it does nothing.
    /// </summary>
    void Offer(TenantId tenant, SpanBatch batch);

    /// <summary>
    /// Completes when it is known, even if this process ends without notice, how many acknowledged spans are in the queue at most; usually at once. An
    /// answer to a request that was offered waits for it.
    /// </summary>
    Task SayAsync();

    /// <summary>How long to delay the answer to a tenant's request so that its generator keeps up; usually zero.</summary>
    TimeSpan Hold(TenantId tenant);
}
