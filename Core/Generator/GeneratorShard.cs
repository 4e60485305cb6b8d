using System.Globalization;

namespace OrleansTempo.Core.Generator;

/// <summary>
/// Which part of a tenant's traces a generator counts, where the tenant has outgrown one core: each shard's series carry a label
/// that says which, and add up over all of them.
/// </summary>
/// <param name="Index">From 0.</param>
/// <param name="Count">How many shards there are.</param>
public readonly record struct GeneratorShard(int Index, int Count)
{
    /// <summary>The label by which the series of shards differ, named as Tempo's for the same purpose.</summary>
    public const string LabelName = "__metrics_gen_instance";

    /// <summary>All of a tenant's traces: its series carry no label of ours.</summary>
    public static readonly GeneratorShard None;

    public bool IsSharded => Count > 1;

    /// <summary>Whether it makes the info metrics, which say something of a resource or a connection once and do not add up.</summary>
    public bool HasInfoMetrics => Index == 0;

    /// <summary>The shard's part of a limit that is the tenant's, rounded up; 0 stays no limit.</summary>
    public int Share(int limit) => IsSharded && limit > 0 ? (limit - 1) / Count + 1 : limit;

    /// <summary>As in <c>3-of-8</c>; <c>all</c> for a tenant that is not sharded.</summary>
    public override string ToString() => IsSharded ? string.Create(CultureInfo.InvariantCulture, $"{Index}-of-{Count}") : "all";

    /// <summary>Reads what <see cref="ToString"/> writes of a shard.</summary>
    public static bool TryParse(string text, out GeneratorShard shard)
    {
        shard = default;
        if (text.Split("-of-") is not [var index, var count]
            || !int.TryParse(index, NumberStyles.None, CultureInfo.InvariantCulture, out var i)
            || !int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var n)
            || n < 2 || i >= n)
            return false;
        shard = new GeneratorShard(i, n);
        return shard.ToString() == text;
    }
}
