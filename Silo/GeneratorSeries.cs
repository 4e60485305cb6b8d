using OrleansTempo.Core;
using OrleansTempo.Core.Generator;
using OrleansTempo.Grains;
using OrleansTempo.Grains.Interfaces;
using OrleansTempo.Server.Ports;

namespace OrleansTempo.Silo;

/// <summary>A tenant's generated series, from its metrics-generator grains, in whatever silos they are.</summary>
internal sealed class GeneratorSeries(IGrainFactory grains, GeneratorForwarders generators) : ITenantSeries
{
    public async ValueTask<bool> VisitAsync(TenantId tenant, ISeriesVisitor visitor, CancellationToken cancellationToken)
    {
        var parts = generators.PartsOf(tenant);
        foreach (var part in parts)
        {
            if (await grains.GetGrain<IMetricsGeneratorGrain>(GrainKeys.OfGenerator(tenant, part)).RecordSeriesAsync().WaitAsync(cancellationToken) is { } recorded)
                SeriesRecording.Replay(recorded, visitor);
        }

        return parts.Count > 0;
    }
}
