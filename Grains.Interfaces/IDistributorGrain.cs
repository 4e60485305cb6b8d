using OrleansTempo.Core;

namespace OrleansTempo.Grains.Interfaces;

/// <summary>
/// Accepts spans: a stateless worker on the silo that is called. It writes each request to the trace grains that own its traces, and once they have
/// it, offers it to the tenant's metrics-generator.
/// </summary>
[Alias("orleanstempo.IDistributorGrain")]
public interface IDistributorGrain : IGrainWithIntegerKey
{
    /// <summary>The key of the only distributor; every silo has its own activations of it.</summary>
    const long Key = 0;

    /// <summary>
    /// Pushes requests of one tenant. When the call completes, whatever its answers report as accepted is in a write-ahead log; if it fails, the
    /// caller may send everything again.
    /// </summary>
    /// <param name="tenant">A tenant's ID, see <see cref="Core.TenantId"/>.</param>
    /// <param name="requests">The requests; their bytes must not change until the call completes.</param>
    /// <returns>An answer for each request, in their order.</returns>
    /// <exception cref="ArgumentException">The tenant's ID is not valid.</exception>
    [Alias("push")]
    Task<PushAnswer[]> PushAsync(string tenant, OtlpRequests requests);
}
