using OrleansTempo.Core;

namespace OrleansTempo.Server.Ports;

/// <summary>The current generated series of tenants, for <c>/generator/metrics</c>.</summary>
public interface ITenantSeries
{
    /// <summary>Starts to read the series of a tenant; null if the tenant has no generator.</summary>
    ValueTask<ISeriesReading?> ReadAsync(TenantId tenant, CancellationToken cancellationToken);
}
