using OrleansTempo.Core;
using OrleansTempo.Core.Generator;
using OrleansTempo.Server.Ports;

namespace OrleansTempo.Server.Tests;

/// <summary>Gives the tenant it is told of the points it is told of, and no other tenant any.</summary>
internal sealed class FixedSeries : ITenantSeries
{
    public string Tenant { get; set; } = "";

    public Action<ISeriesVisitor> Points { get; set; } = static _ => { };

    public ValueTask<bool> VisitAsync(TenantId tenant, ISeriesVisitor visitor, CancellationToken cancellationToken)
    {
        if (tenant.Value != Tenant)
            return new(false);
        Points(visitor);
        return new(true);
    }
}
