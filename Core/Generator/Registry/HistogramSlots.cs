using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Generator.NativeHistograms;

namespace OrleansTempo.Core.Generator.Registry;

/// <summary>The slots of one histogram, which can have a classic form, a native form or both; -1 for a form it does not have.</summary>
/// <param name="Classic">The slot of the classic form.</param>
/// <param name="Native">The slot of the native form.</param>
internal readonly record struct HistogramSlots(int Classic, int Native)
{
    public static readonly HistogramSlots None = new(-1, -1);

    public bool IsThere => Classic >= 0 || Native >= 0;

    /// <summary>The slots as bits.</summary>
    public uint Bits => (Classic >= 0 ? 1u << Classic : 0) | (Native >= 0 ? 1u << Native : 0);

    /// <summary>Adds a histogram in the forms the tenant has configured. The native form comes after the classic form and shares its exemplars.</summary>
    public static HistogramSlots Add(List<MetricSlot> slots, string name, IEnumerable<double> bounds, NativeHistogramOptions options)
    {
        int classic = -1, native = -1;
        if (options.HasClassic)
        {
            classic = slots.Count;
            slots.Add(MetricSlot.Histogram(name, bounds));
        }

        if (options.HasNative)
        {
            native = slots.Count;
            slots.Add(MetricSlot.NativeHistogram(name, NativeHistogramSettings.Of(options)));
        }

        return new HistogramSlots(classic, native);
    }
}
