using OrleansTempo.Core;
using OrleansTempo.Core.Generator;

namespace OrleansTempo.Server.Ports;

/// <summary>A tenant's current generated series, for <c>/generator/metrics</c>.</summary>
public interface ITenantSeries
{
    /// <summary>Visits every current series of the tenant on its generator's own turn; false where the tenant has no generator.</summary>
    ValueTask<bool> VisitAsync(TenantId tenant, ISeriesVisitor visitor, CancellationToken cancellationToken);
}
