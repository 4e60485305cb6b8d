using System.Diagnostics.CodeAnalysis;
using OrleansTempo.Core.Generator.Registry;
using OrleansTempo.Core.Generator.Samples;

namespace OrleansTempo.Core.Generator.Snapshots;

/// <summary>
/// Applies recorded changes to a snapshot, one after another; the result is the snapshot that would have been written in their
/// place. Two entities are the same if their labels are equal.
/// </summary>
internal sealed class SnapshotReplay
{
    private readonly List<Part> _parts = [];
    private SnapshotContent _content;

    private SnapshotReplay(SnapshotContent snapshot) => _content = snapshot;

    /// <summary>Starts with a snapshot; false if changes cannot be applied to it.</summary>
    public static bool TryBegin(SnapshotContent snapshot, [NotNullWhen(true)] out SnapshotReplay? replay, [NotNullWhen(false)] out string? reason)
    {
        replay = new SnapshotReplay(snapshot);
        foreach (var table in snapshot.Tables)
        {
            var part = new Part(table);
            if (table.IsFormer || table.Part == SnapshotPart.Retired || !part.HasDistinctLabels)
            {
                replay = null;
                reason = "changes follow a snapshot that changes cannot be applied to";
                return false;
            }

            replay._parts.Add(part);
        }

        reason = null;
        return true;
    }

    /// <summary>Applies changes. If they do not belong to this snapshot, the whole replay is unusable.</summary>
    public bool TryApply(SnapshotContent changes, [NotNullWhen(false)] out string? reason)
    {
        reason = null;
        if (changes.SinceMs != _content.LastCollectionMs)
            reason = $"changes since the collection at {changes.SinceMs} follow the collection at {_content.LastCollectionMs}";
        else if (changes.Tables.Count != _parts.Count)
            reason = $"changes of {changes.Tables.Count} tables follow a snapshot of {_parts.Count} tables";
        for (var i = 0; i < _parts.Count && reason is null; i++)
        {
            if (!_parts[i].TryApply(changes.Tables[i]))
                reason = "changes have other metrics than the snapshot before them";
        }

        _content = changes;
        return reason is null;
    }

    /// <summary>The snapshot with all changes applied.</summary>
    public SnapshotContent Content => new()
    {
        LastCollectionMs = _content.LastCollectionMs,
        Tables = [.. _parts.Select(static p => p.Content)],
        Edges = _content.Edges,
    };

    private sealed class Part
    {
        private readonly SnapshotTable _table;
        private readonly Dictionary<LabelSet, Entity> _entities;
        private Entity? _overflow;

        public Part(SnapshotTable table)
        {
            _table = table;
            _overflow = table.Overflow;
            _entities = new(table.Entities.Count);
            foreach (var entity in table.Entities)
            {
                if (entity != _overflow)
                    _entities[entity.Labels] = entity;
            }
        }

        public bool HasDistinctLabels => _entities.Count + (_overflow is null ? 0 : 1) == _table.Entities.Count;

        public SnapshotTable Content => _table with { Entities = [.. _entities.Values, .. _overflow is null ? (ReadOnlySpan<Entity>)[] : [_overflow]], Overflow = _overflow };

        public bool TryApply(SnapshotTable changes)
        {
            var slots = changes.Slots;
            if (changes.Part != _table.Part || slots.Length != _table.Slots.Length || slots.Where((slot, i) => !slot.IsSameAs(_table.Slots[i])).Any())
                return false;
            foreach (var labels in changes.Removed)
                _entities.Remove(labels);
            if (!changes.HasOverflow)
                _overflow = null;
            foreach (var entity in changes.Entities)
            {
                if (entity == changes.Overflow)
                    _overflow = entity;
                else
                    _entities[entity.Labels] = entity;
            }

            return true;
        }
    }
}
