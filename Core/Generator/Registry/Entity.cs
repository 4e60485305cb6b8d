using OrleansTempo.Core.Generator.NativeHistograms;
using OrleansTempo.Core.Generator.Samples;

namespace OrleansTempo.Core.Generator.Registry;

/// <summary>
/// One label set and the values of its metrics. The labels are stored once, however many series there are. The
/// <see cref="FirstSeenMs"/> of a slot says whether its series exist.
/// </summary>
internal sealed class Entity
{
    public Entity(byte[] key, ulong hash, LabelSet labels, int slots, int values, int exemplars, int natives)
    {
        Key = key;
        Hash = hash;
        Labels = labels;
        FirstSeenMs = new long[slots];
        Collected = new bool[slots];
        Values = new double[values];
        Exemplars = exemplars == 0 ? [] : new Exemplar[exemplars];
        Natives = natives == 0 ? [] : new NativeHistogram[natives];
    }

    public byte[] Key { get; private set; }

    public ulong Hash { get; private set; }

    public LabelSet Labels { get; }

    public double[] Values { get; }

    public Exemplar[] Exemplars { get; }

    /// <summary>The native histograms; null for a slot that has not been updated.</summary>
    public NativeHistogram?[] Natives { get; }

    /// <summary>For each slot, when it was first updated (steady milliseconds, see <see cref="SteadyClock"/>); 0 if never, so that it has no series.</summary>
    public long[] FirstSeenMs { get; }

    /// <summary>For each slot, whether a collection has sent it: only then has its series started, and can end with a staleness marker.</summary>
    public bool[] Collected { get; }

    /// <summary>When it was last updated, in steady milliseconds.</summary>
    public long LastUpdatedMs { get; set; }

    /// <summary>The index of the entity in its table's list.</summary>
    public int Position { get; set; }

    /// <summary>Sets the key of an entity that was restored without one.</summary>
    public void SetKey(byte[] key, ulong hash)
    {
        Key = key;
        Hash = hash;
    }
}
