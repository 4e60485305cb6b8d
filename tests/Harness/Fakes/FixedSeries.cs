using OrleansTempo.Core;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Server.Ports;

namespace OrleansTempo.Harness.Fakes;

/// <summary>Gives the tenant it is told of the points it is told of, and no other tenant any.</summary>
internal sealed class FixedSeries : ITenantSeries
{
    public string Tenant { get; set; } = "";

    public Action<ISeriesVisitor> Points { get; set; } = static _ => { };

    /// <summary>What is read instead of <see cref="Points"/>.</summary>
    public ISeriesReading? Reading { get; set; }

    public ValueTask<ISeriesReading?> ReadAsync(TenantId tenant, CancellationToken cancellationToken) =>
        new(tenant.Value == Tenant ? Reading ?? new FixedReading(Points) : null);
}
