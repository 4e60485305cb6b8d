using OrleansTempo.Core;

namespace OrleansTempo.Grains.Interfaces;

/// <summary>Queries stored and live traces: a stateless worker on the silo that is called.</summary>
[Alias("orleanstempo.IQuerierGrain")]
public interface IQuerierGrain : IGrainWithIntegerKey
{
    /// <summary>The key of the only querier; every silo has its own activations of it.</summary>
    const long Key = 0;

    /// <summary>Everything known about a trace.</summary>
    /// <param name="tenant">A tenant's ID, see <see cref="Core.TenantId"/>.</param>
    /// <param name="traceId">16 bytes.</param>
    /// <exception cref="ArgumentException">The tenant's or the trace's ID is not valid.</exception>
    [Alias("find")]
    Task<FoundTrace> FindTraceAsync(string tenant, byte[] traceId);
}
