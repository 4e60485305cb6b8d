using System.Globalization;

namespace OrleansTempo.Core.Generator;

/// <summary>
/// The part of a tenant's traces that one generator counts, for a tenant that has outgrown one core. The series of each shard
/// carry a label that names it, and the series of all shards add up.
/// </summary>
/// <param name="Index">From 0.</param>
/// <param name="Count">How many shards there are.</param>
public readonly record struct GeneratorShard(int Index, int Count)
{
    /// <summary>The label that tells the series of the shards apart; Tempo uses the same name for the same purpose.</summary>
    public const string LabelName = "__metrics_gen_instance";

    /// <summary>All of a tenant's traces: its series carry no label of ours.</summary>
    public static readonly GeneratorShard None;

    public bool IsSharded => Count > 1;

    /// <summary>Whether this shard writes the info metrics. They describe a resource or a connection once and do not add up, so only one shard writes them.</summary>
    public bool HasInfoMetrics => Index == 0;

    /// <summary>The shard's share of a limit of the tenant, rounded up; 0 still means no limit.</summary>
    public int Share(int limit) => IsSharded && limit > 0 ? (limit - 1) / Count + 1 : limit;

    /// <summary>For example <c>3-of-8</c>; <c>all</c> for a tenant that is not sharded.</summary>
    public override string ToString() => IsSharded ? string.Create(CultureInfo.InvariantCulture, $"{Index}-of-{Count}") : "all";

    /// <summary>Parses what <see cref="ToString"/> writes for a shard; not <c>all</c>.</summary>
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
