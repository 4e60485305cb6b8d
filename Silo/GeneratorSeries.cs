using OrleansTempo.Core;
using OrleansTempo.Core.Continuity;
using OrleansTempo.Core.Generator;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.Objects;
using OrleansTempo.Grains;
using OrleansTempo.Grains.Interfaces;
using OrleansTempo.Server.Ports;

namespace OrleansTempo.Silo;

/// <summary>
/// Reads the generated series of a tenant from its metrics-generator grains, in whatever silos they are. A grain that never received a span
/// is not called: a call would start a generator, with a claim in the store and metrics of its own, for any tenant name that somebody makes up.
/// </summary>
internal sealed class GeneratorSeries(IGrainFactory grains, GeneratorForwarders generators, IObjectStore store) : ITenantSeries
{
    public async ValueTask<ISeriesReading?> ReadAsync(TenantId tenant, CancellationToken cancellationToken)
    {
        var parts = new List<Part>();
        var all = generators.PartsOf(tenant);
        foreach (var part in all)
        {
            if (!generators.IsOpen(tenant) && !await WriterClaim.WasTakenAsync(store, tenant, part.Length == 0 ? GeneratorShard.None.ToString() : part, cancellationToken))
                continue;
            var grain = grains.GetGrain<IMetricsGeneratorGrain>(GrainKeys.OfGenerator(tenant, part));
            if (await CallAsync(tenant, grain.BeginSeriesAsync(), cancellationToken) is { } begun)
                parts.Add(new Part(grain, begun.Reading, begun.Families));
        }

        return all.Count > 0 ? new Reading(tenant, parts) : null;
    }

    private static async Task<SeriesPiece?> CallAsync(TenantId tenant, Task<SeriesPiece?> call, CancellationToken cancellationToken)
    {
        try
        {
            return await call.WaitAsync(cancellationToken);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw new IOException($"cannot reach the metrics-generator of tenant {tenant}: {CallFailure.Reason(e)}; try again", e);
        }
    }

    private sealed record Part(IMetricsGeneratorGrain Grain, long Reading, string[] Families);

    private sealed class Reading(TenantId tenant, List<Part> parts) : ISeriesReading
    {
        private string? _family;
        private int _part;
        private int _next;

        public IReadOnlyList<string> Families { get; } = [.. parts.SelectMany(static p => p.Families).Distinct()];

        public async ValueTask<bool> VisitNextAsync(string family, ISeriesVisitor visitor, CancellationToken cancellationToken)
        {
            if (family != _family)
                (_family, _part, _next) = (family, 0, 0);
            while (_part < parts.Count && !parts[_part].Families.Contains(family))
                _part++;
            if (_part == parts.Count)
                return false;

            var piece = await CallAsync(tenant, parts[_part].Grain.ReadSeriesAsync(parts[_part].Reading, family, _next), cancellationToken)
                ?? throw new IOException($"the metrics-generator of tenant {tenant} no longer knows this reading; try again");
            SeriesRecording.Replay(piece.Series, visitor);
            (_part, _next) = piece.Next < 0 ? (_part + 1, 0) : (_part, piece.Next);
            return _part < parts.Count;
        }
    }
}
