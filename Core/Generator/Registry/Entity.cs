using OrleansTempo.Core.Generator.NativeHistograms;
using OrleansTempo.Core.Generator.Samples;

namespace OrleansTempo.Core.Generator.Registry;

/// <summary>
/// One label set and the values of its metrics. The labels are held once, however many series there are; which series
/// there are, each slot's <see cref="FirstSeenMs"/> says.
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

    /// <summary>Null for a slot that has not been updated.</summary>
    public NativeHistogram?[] Natives { get; }

    /// <summary>Per slot, when it was first updated (steady milliseconds, see <see cref="SteadyClock"/>); 0 where it has not been, and so has no series.</summary>
    public long[] FirstSeenMs { get; }

    /// <summary>Per slot, whether a collection has sent it: only then has it begun, and can end with a staleness marker.</summary>
    public bool[] Collected { get; }

    /// <summary>Steady milliseconds.</summary>
    public long LastUpdatedMs { get; set; }

    /// <summary>Where the entity stands in its table's list.</summary>
    public int Position { get; set; }

    /// <summary>Gives an entity that came without a key the one it is to be found by.</summary>
    public void KnowAs(byte[] key, ulong hash)
    {
        Key = key;
        Hash = hash;
    }
}
