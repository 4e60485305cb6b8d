using OrleansTempo.Core;

namespace OrleansTempo.Grains.Interfaces;

/// <summary>
/// Takes spans in: a stateless worker, on the silo that is called. It writes each request to the trace grains that own its traces, and offers it to
/// the tenant's metrics-generator when they have it.
/// </summary>
[Alias("orleanstempo.IDistributorGrain")]
public interface IDistributorGrain : IGrainWithIntegerKey
{
    /// <summary>The key of the one distributor there is; every silo has its own activations of it.</summary>
    const long Key = 0;

    /// <summary>
    /// Pushes requests of one tenant. When the call completes, what its answers say is taken is in a write-ahead log; when it
    /// fails, the caller may send all of it again.
    /// </summary>
    /// <param name="tenant">A tenant's ID, see <see cref="Core.TenantId"/>.</param>
    /// <param name="requests">Theirs are the bytes until the call completes.</param>
    /// <returns>An answer for each request, in their order.</returns>
    /// <exception cref="ArgumentException">That is no tenant's ID.</exception>
    [Alias("push")]
    Task<PushAnswer[]> PushAsync(string tenant, OtlpRequests requests);
}
