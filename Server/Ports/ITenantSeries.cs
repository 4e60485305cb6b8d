using OrleansTempo.Core;

namespace OrleansTempo.Server.Ports;

/// <summary>A tenant's current generated series, for <c>/generator/metrics</c>.</summary>
public interface ITenantSeries
{
    /// <summary>Begins to read them; null where the tenant has no generator.</summary>
    ValueTask<ISeriesReading?> ReadAsync(TenantId tenant, CancellationToken cancellationToken);
}
