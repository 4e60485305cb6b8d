using OrleansTempo.Core.Generator.Registry;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.Generator.SpanMetrics;

namespace OrleansTempo.Core.Generator.Snapshots;

/// <summary>An <see cref="EntityTable"/> as read from a snapshot; its entities have no keys yet.</summary>
/// <param name="Part">The part of the generator that it belonged to.</param>
/// <param name="IsFormer">Whether the part had replaced this table with another.</param>
/// <param name="Slots">The metrics of each entity.</param>
/// <param name="Entities">The entities.</param>
/// <param name="Overflow">The overflow entity among them; null if there is none.</param>
internal sealed record SnapshotTable(SnapshotPart Part, bool IsFormer, MetricSlot[] Slots, IReadOnlyList<Entity> Entities, Entity? Overflow)
{
    /// <summary>For changes, the labels of the entities that were removed before these were added.</summary>
    public IReadOnlyList<LabelSet> Removed { get; init; } = [];

    /// <summary>For changes, whether there still is an overflow entity, changed or not.</summary>
    public bool HasOverflow { get; init; }

    /// <summary>Restores the entities into a table with the same metrics, each under its key there.</summary>
    /// <returns>The entities that are left, because the table cannot produce their labels.</returns>
    public SnapshotTable RestoreInto(EntityTable table, Func<LabelSet, byte[]?> keyOf)
    {
        var left = new List<Entity>();
        foreach (var entity in Entities)
        {
            if (entity != Overflow)
            {
                if (keyOf(entity.Labels) is not { } key || !table.TryRestore(entity, key))
                    left.Add(entity);
            }
            else if (entity.Labels.Equals(table.OverflowLabels))
            {
                table.RestoreOverflow(entity);
            }
            else
            {
                left.Add(entity);
            }
        }

        return this with { Entities = left };
    }
}

/// <summary>The part of a generator that a table in a snapshot belongs to. The numbers are part of the format.</summary>
internal enum SnapshotPart : byte
{
    SpanMetrics = 0,
    TargetInfo = 1,
    ServiceGraphs = 2,

    /// <summary>A table that was retired: its series end with the next collection.</summary>
    Retired = 3,

    HostInfo = 4,
}
