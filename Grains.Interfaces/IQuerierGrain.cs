using OrleansTempo.Core;

namespace OrleansTempo.Grains.Interfaces;

/// <summary>Finds what is stored or live: a stateless worker, on the silo that is called.</summary>
[Alias("orleanstempo.IQuerierGrain")]
public interface IQuerierGrain : IGrainWithIntegerKey
{
    /// <summary>The key of the one querier there is; every silo has its own activations of it.</summary>
    const long Key = 0;

    /// <summary>All that is known of a trace.</summary>
    /// <param name="tenant">A tenant's ID, see <see cref="Core.TenantId"/>.</param>
    /// <param name="traceId">16 bytes.</param>
    /// <exception cref="ArgumentException">That is no tenant's ID, or no trace's.</exception>
    [Alias("find")]
    Task<FoundTrace> FindTraceAsync(string tenant, byte[] traceId);
}
