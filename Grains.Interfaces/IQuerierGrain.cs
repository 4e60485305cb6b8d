using OrleansTempo.Core;

namespace OrleansTempo.Grains.Interfaces;

/// <summary>Finds live and stored traces: a stateless worker on the silo that is called.</summary>
[Alias("orleanstempo.IQuerierGrain")]
public interface IQuerierGrain : IGrainWithIntegerKey
{
    /// <summary>The key of the only querier; every silo has its own activations of it.</summary>
    const long Key = 0;

    /// <summary>Finds a trace in live traces and blocks.</summary>
    /// <param name="tenant">A tenant's ID, see <see cref="Core.TenantId"/>.</param>
    /// <param name="traceId">16 bytes.</param>
    /// <exception cref="ArgumentException">The tenant ID or the trace ID is not valid.</exception>
    [Alias("find")]
    Task<FoundTrace> FindTraceAsync(string tenant, byte[] traceId);
}
