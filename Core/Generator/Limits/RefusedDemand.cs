using OrleansTempo.Core.Generator.Registry;

namespace OrleansTempo.Core.Generator.Limits;

/// <summary>
/// Estimates what a table would hold beyond its present content if there were no limit: per metric, the keys that found no
/// room recently. It keeps sketches because refused keys are many, and only after a refusal, so that a tenant within its
/// limits spends no time and no memory on it.
/// </summary>
internal sealed class RefusedDemand(EntityTable table)
{
    /// <summary>Every metric of the table.</summary>
    public const uint AllSlots = uint.MaxValue;

    // An error of 1.6 %, and 4 KiB per slice.
    private const int Precision = 12;

    private readonly CardinalityWindow?[] _refused = new CardinalityWindow?[table.Slots.Length];

    /// <summary>Records that a key found no room for some of its metrics.</summary>
    /// <param name="key">The entity's key.</param>
    /// <param name="slots">The slot numbers of those metrics, as bits.</param>
    public void Add(ReadOnlySpan<byte> key, uint slots)
    {
        var hash = Utf8Hash.Lasting(key);
        for (var slot = 0; slot < _refused.Length; slot++)
        {
            if ((slots & (1u << slot)) != 0)
                (_refused[slot] ??= new CardinalityWindow(Precision)).Add(hash);
        }
    }

    /// <summary>
    /// How many more entities and series there would be. A key that was refused and has found room since is not counted twice:
    /// existing entities go into the sketches as well, and only what the refused keys add to the estimate counts.
    /// </summary>
    public (long Entities, long Series) Estimate(long nowMs, long staleMs)
    {
        for (var slot = 0; slot < _refused.Length; slot++)
        {
            _refused[slot]?.Advance(nowMs, staleMs);
            if (_refused[slot] is { IsEmpty: true })
                _refused[slot] = null;
        }

        if (Array.TrueForAll(_refused, r => r is null))
            return default;

        var all = new HyperLogLog(Precision);
        var bySlot = Array.ConvertAll(_refused, r => r is null ? null : new HyperLogLog(Precision));
        foreach (var entity in table.Entities)
        {
            if (table.IsOverflow(entity))
                continue;
            var hash = Utf8Hash.Lasting(entity.Key);
            all.Add(hash);
            for (var slot = 0; slot < bySlot.Length; slot++)
            {
                if (entity.FirstSeenMs[slot] != 0)
                    bySlot[slot]?.Add(hash);
            }
        }

        var entities = -all.Estimate();
        long series = 0;
        for (var slot = 0; slot < bySlot.Length; slot++)
        {
            if (bySlot[slot] is not { } sketch)
                continue;
            var held = sketch.Estimate();
            _refused[slot]!.AddTo(sketch);
            _refused[slot]!.AddTo(all);
            series += (sketch.Estimate() - held) * table.Slots[slot].SeriesCount;
        }

        return (entities + all.Estimate(), series);
    }
}
