using OrleansTempo.Core.Generator.Registry;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.Generator.SpanMetrics;

namespace OrleansTempo.Core.Generator.Snapshots;

/// <summary>An <see cref="EntityTable"/> as it came out of a snapshot, its entities still without keys.</summary>
/// <param name="Part">Whose table it was.</param>
/// <param name="IsFormer">Whether the part's own table had taken over from it.</param>
/// <param name="Slots">The metrics of each entity.</param>
/// <param name="Entities">The entities.</param>
/// <param name="Overflow">The one of them that took what found no room.</param>
internal sealed record SnapshotTable(SnapshotPart Part, bool IsFormer, MetricSlot[] Slots, IReadOnlyList<Entity> Entities, Entity? Overflow)
{
    /// <summary>Of changes, the labels of what was removed before these entities came.</summary>
    public IReadOnlyList<LabelSet> Removed { get; init; } = [];

    /// <summary>Of changes, whether there is still an entity that takes what finds no room, changed or not.</summary>
    public bool HasOverflow { get; init; }

    /// <summary>Puts the entities into a table of the same metrics, each under its key there.</summary>
    /// <returns>Those that are left, having labels that the table does not make.</returns>
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

/// <summary>Whose table it is that stands in a snapshot; the numbers are the format's.</summary>
internal enum SnapshotPart : byte
{
    SpanMetrics = 0,
    TargetInfo = 1,
    ServiceGraphs = 2,

    /// <summary>Nobody's any more: its series end with the next collection.</summary>
    Retired = 3,

    HostInfo = 4,
}
