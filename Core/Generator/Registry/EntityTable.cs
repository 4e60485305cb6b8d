using System.Runtime.CompilerServices;
using OrleansTempo.Core.Generator.Limits;
using OrleansTempo.Core.Generator.NativeHistograms;
using OrleansTempo.Core.Generator.Samples;

namespace OrleansTempo.Core.Generator.Registry;

/// <summary>
/// Holds the entities of one processor, found by the bytes of their label values: a hash table with open addressing and linear
/// probing that compares whole keys. All entities of a table have the same metrics (<see cref="Slots"/>).
/// <code>
///   key bytes ─► hash ─► _places[...] ─► Entity { Key, Labels, Values[ slot 0 | slot 1 ... ], Exemplars[ ... ] }
/// </code>
/// </summary>
internal sealed class EntityTable
{
    // The most that one observation can count for: a multiplier may be any number, and a count must not wrap around.
    private const double MaxTimes = 1L << 32;

    private readonly SeriesBudget _budget;
    private readonly int _valueCount;
    private readonly int _exemplarCount;
    private readonly int _nativeCount;

    // Small at first: most tenants never have many entities.
    private Place[] _places = new Place[8];
    private Entity[] _entities = new Entity[4];
    private int _count;
    private Entity? _overflow;
    private readonly List<EntityTable> _formers = [];
    private readonly RefusedDemand _refused;
    private Dictionary<LabelSet, Entity>? _byLabels;
    private int _overflows;

    public EntityTable(SeriesBudget budget, LabelSet overflowLabels, params MetricSlot[] slots)
    {
        _budget = budget;
        OverflowLabels = overflowLabels;
        Slots = slots;
        (_valueCount, _exemplarCount, _nativeCount) = MetricSlot.LayOut(slots);
        _refused = new RefusedDemand(this);
    }

    public MetricSlot[] Slots { get; }

    public LabelSet OverflowLabels { get; }

    public ReadOnlySpan<Entity> Entities => _entities.AsSpan(0, _count);

    /// <summary>The labels of the entities removed since the last record of changes, without the overflow entity; null if changes are not tracked.</summary>
    public List<LabelSet>? Removed { get; set; }

    /// <summary>The entities that a collection has changed since then, even without an update; null if changes are not tracked.</summary>
    public HashSet<Entity>? ChangedByCollection { get; set; }

    /// <summary>Whether there is an overflow entity.</summary>
    public bool HasOverflow => _overflow is not null;

    /// <summary>The entity with this key, or null.</summary>
    public Entity? Find(ReadOnlySpan<byte> key, ulong hash)
    {
        var places = _places;
        var mask = places.Length - 1;
        for (var i = (int)hash & mask; ; i = (i + 1) & mask)
        {
            var entity = places[i].Entity;
            if (entity is null)
                return null;
            if (places[i].Hash == hash && entity.Key.AsSpan().SequenceEqual(key))
                return entity;
        }
    }

    /// <summary>
    /// Whether an entity with this many series would find no room. The caller then counts in <see cref="Overflow"/> and does not
    /// need to make labels. Counts the refusal.
    /// </summary>
    /// <param name="seriesCount">The number of series it starts with.</param>
    /// <param name="key">The key that <see cref="Find"/> did not find.</param>
    /// <param name="slots">The metrics it would have, as bits.</param>
    public bool Refuses(int seriesCount, ReadOnlySpan<byte> key, uint slots = RefusedDemand.AllSlots)
    {
        if (_formers.Count > 0 || (_budget.HasRoomForEntity() && _budget.HasRoom(seriesCount)))
            return false;
        _refused.Add(key, slots);
        return true;
    }

    /// <summary>
    /// Returns the entity for a key that <see cref="Find"/> did not find: the entity with these labels in a replaced table, or else
    /// a new one, or the overflow entity if there is no room.
    /// </summary>
    public Entity Add(ReadOnlySpan<byte> key, ulong hash, LabelSet labels)
    {
        var entity = Adopt(key, hash, labels);
        if (entity is null && _formers.Count > 0 && !_budget.HasRoomForEntity())
        {
            _refused.Add(key, RefusedDemand.AllSlots);
            return Overflow;
        }

        entity ??= NewEntity(key.ToArray(), hash, labels);
        Insert(entity);
        return entity;
    }

    /// <summary>The overflow entity, labelled <c>metric_overflow="true"</c>: it counts everything that finds no room.</summary>
    public Entity Overflow
    {
        get
        {
            if (_overflow is null)
            {
                _overflow = NewEntity([], 0, OverflowLabels);
                Append(_overflow);
            }

            return _overflow;
        }
    }

    /// <summary>
    /// Makes sure that a slot of an entity has its series, and returns the entity to count in: the same one, or the overflow
    /// entity if the slot is new and the tenant has reached its limit of series.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Entity Open(Entity entity, int slot, long nowMs) =>
        entity.FirstSeenMs[slot] != 0 ? entity : OpenNew(entity, slot, nowMs);

    public void Count(Entity entity, int slot, double amount, long nowMs)
    {
        entity = Open(entity, slot, nowMs);
        entity.LastUpdatedMs = nowMs;
        Add(ref entity.Values[Slots[slot].FirstValue], amount);
    }

    public void Set(Entity entity, int slot, double value, long nowMs)
    {
        entity = Open(entity, slot, nowMs);
        entity.LastUpdatedMs = nowMs;
        entity.Values[Slots[slot].FirstValue] = value;
    }

    public void Observe(Entity entity, int slot, double value, double weight, UInt128 traceId, long nowMs)
    {
        entity = Open(entity, slot, nowMs);
        entity.LastUpdatedMs = nowMs;
        var metric = Slots[slot];
        var bounds = metric.Bounds;

        // Finds the first bound that is not below the value: bounds are few, but binary search still beats a scan.
        int low = 0, high = bounds.Length;
        while (low < high)
        {
            var middle = (low + high) >> 1;
            if (bounds[middle] < value)
                low = middle + 1;
            else
                high = middle;
        }

        var values = entity.Values;
        Add(ref values[metric.FirstValue], value * weight);
        Add(ref values[metric.FirstValue + 1 + low], weight);
        ref var exemplar = ref entity.Exemplars[metric.FirstExemplar + low];
        exemplar.TraceId = traceId;
        exemplar.Value = value;
        exemplar.TimestampMs = nowMs;
    }

    /// <summary>Observes a value in each form that the histogram has.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Observe(Entity entity, HistogramSlots histogram, double value, double weight, UInt128 traceId, long nowMs)
    {
        if (histogram.Classic >= 0)
            Observe(entity, histogram.Classic, value, weight, traceId, nowMs);
        if (histogram.Native >= 0)
            ObserveNative(entity, histogram.Native, value, weight, traceId, nowMs);
    }

    /// <summary>As <see cref="Observe(Entity, int, double, double, UInt128, long)"/>, with the weight rounded up to a whole number.</summary>
    public void ObserveNative(Entity entity, int slot, double value, double weight, UInt128 traceId, long nowMs)
    {
        entity = Open(entity, slot, nowMs);
        entity.LastUpdatedMs = nowMs;
        var metric = Slots[slot];
        var settings = metric.Native!;
        var times = weight == 1 ? 1 : (ulong)Math.Ceiling(Math.Clamp(weight, 0, MaxTimes));
        (entity.Natives[metric.NativePosition] ??= new NativeHistogram(settings.Schema, nowMs)).Observe(value, times, settings, nowMs);
        if (!metric.KeepsOwnExemplars)
            return;

        // Keeps the latest exemplar per power of two: ten adjacent powers, three orders of magnitude, have a place each.
        ref var exemplar = ref entity.Exemplars[metric.FirstExemplar + NativeBuckets.DoublingOf(value) % MetricSlot.OwnExemplars];
        exemplar.TraceId = traceId;
        exemplar.Value = value;
        exemplar.TimestampMs = nowMs;
    }

    /// <summary>The number of amounts skipped since the last call because they would have made a value infinite.</summary>
    public int TakeOverflows()
    {
        var overflows = _overflows;
        _overflows = 0;
        return overflows;
    }

    public void Remove(Entity entity)
    {
        RemoveSeries(entity, SeriesOf(entity));
        var last = _entities[--_count];
        _entities[entity.Position] = last;
        last.Position = entity.Position;
        _entities[_count] = null!;
        _byLabels?.Remove(entity.Labels);
        if (entity == _overflow)
        {
            _overflow = null;
            return;
        }

        Removed?.Add(entity.Labels);
        _budget.RemoveEntity();
        Unlink(entity);
    }

    /// <summary>
    /// Adopts the entities of a table whose processor was reconfigured, and of the tables which that one had adopted. They are found
    /// by their labels. An entity that is updated again continues in this table; the others end when they have gone stale.
    /// </summary>
    public void Adopt(EntityTable former)
    {
        AddFormer(former);
        foreach (var table in _formers)
        {
            if (table._overflow is { } overflow && overflow.Labels.Equals(OverflowLabels))
                TakeOver(Overflow, table, overflow);
        }
    }

    /// <summary>Whether entities with these slots have the same layout as the entities of this table.</summary>
    public bool HasSameSlotsAs(MetricSlot[] slots) =>
        slots.Length == Slots.Length && !Slots.Where((slot, i) => !slot.IsSameAs(slots[i])).Any();

    /// <summary>Whether an entity is the overflow entity.</summary>
    public bool IsOverflow(Entity entity) => entity == _overflow;

    /// <summary>Restores an entity from a snapshot under this key; false if another entity has the key.</summary>
    public bool TryRestore(Entity entity, byte[] key)
    {
        var hash = Utf8Hash.Of(key);
        if (Find(key, hash) is not null)
            return false;
        entity.SetKey(key, hash);
        Restore(entity);
        return true;
    }

    /// <summary>Restores an entity from a snapshot, whose layout must be that of this table.</summary>
    public void Restore(Entity entity)
    {
        Insert(entity);
        _budget.Add(SeriesOf(entity));
    }

    /// <summary>As <see cref="Restore"/>, for the overflow entity, which must not exist yet.</summary>
    public void RestoreOverflow(Entity entity)
    {
        Append(entity);
        _budget.AddOverflow(SeriesOf(entity));
        _overflow = entity;
    }

    /// <summary>Adds a table to the replaced ones, without adopting any entity yet.</summary>
    public void AddFormer(EntityTable former)
    {
        former._byLabels = [];
        foreach (var entity in former.Entities)
            former._byLabels[entity.Labels] = entity;
        _formers.Add(former);
        _formers.AddRange(former._formers);
        former._formers.Clear();
    }

    /// <summary>The replaced tables that still have entities, the latest first.</summary>
    public IReadOnlyList<EntityTable> Formers => _formers;

    /// <summary>Drops the replaced tables that are empty.</summary>
    public void DropEmptyFormers() => _formers.RemoveAll(static f => f._count == 0);

    /// <summary>Whether a series of this table, or of one it has replaced, could also be a series of the other table.</summary>
    public bool MayShareSeriesWith(EntityTable other) =>
        Array.Exists(Slots, s => other.Has(s.Name.Name)) || _formers.Exists(f => f.MayShareSeriesWith(other));

    /// <summary>Estimates how many more entities and series there would be without a limit; times are in milliseconds.</summary>
    public (long Entities, long Series) RefusedOfLate(long nowMs, long staleMs) => _refused.Estimate(nowMs, staleMs);

    public int SeriesOf(Entity entity)
    {
        var series = 0;
        for (var slot = 0; slot < Slots.Length; slot++)
        {
            if (entity.FirstSeenMs[slot] != 0)
                series += Slots[slot].SeriesCount;
        }

        return series;
    }

    // An infinite value would stay infinite, so an amount that is too large is skipped and costs nothing else.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Add(ref double value, double amount)
    {
        var sum = value + amount;
        if (double.IsFinite(sum))
            value = sum;
        else
            _overflows++;
    }

    private Entity OpenNew(Entity entity, int slot, long nowMs)
    {
        var series = Slots[slot].SeriesCount;
        if (entity != _overflow && !_budget.HasRoom(series))
        {
            _refused.Add(entity.Key, 1u << slot);
            entity = Overflow;
            if (entity.FirstSeenMs[slot] != 0)
                return entity;
        }

        AddSeries(entity, series);
        entity.FirstSeenMs[slot] = nowMs;
        return entity;
    }

    private void AddSeries(Entity entity, int series)
    {
        if (entity == _overflow)
            _budget.AddOverflow(series);
        else
            _budget.Add(series);
    }

    private void RemoveSeries(Entity entity, int series)
    {
        if (entity == _overflow)
            _budget.RemoveOverflow(series);
        else
            _budget.Remove(series);
    }

    private Entity NewEntity(byte[] key, ulong hash, LabelSet labels) => new(key, hash, labels, Slots.Length, _valueCount, _exemplarCount, _nativeCount);

    private bool Has(string metric) => Array.Exists(Slots, s => s.Name.Name == metric);

    // A slot that one replaced table lacks may be in an earlier one: its metric was switched off and on again.
    private Entity? Adopt(ReadOnlySpan<byte> key, ulong hash, LabelSet labels)
    {
        Entity? entity = null;
        foreach (var table in _formers)
        {
            if (!table._byLabels!.TryGetValue(labels, out var former))
                continue;
            entity ??= NewEntity(key.ToArray(), hash, labels);
            TakeOver(entity, table, former);
        }

        return entity;
    }

    // Slots that are the same series continue with their values; a histogram whose buckets changed restarts under its name.
    private void TakeOver(Entity entity, EntityTable table, Entity former)
    {
        entity.LastUpdatedMs = Math.Max(entity.LastUpdatedMs, former.LastUpdatedMs);
        for (var slot = 0; slot < Slots.Length; slot++)
        {
            var from = Array.FindIndex(table.Slots, s => s.IsSameAs(Slots[slot]));
            if (from < 0 || former.FirstSeenMs[from] == 0 || entity.FirstSeenMs[slot] != 0)
                continue;
            entity.FirstSeenMs[slot] = former.FirstSeenMs[from];
            entity.Collected[slot] = former.Collected[from];
            former.Values.AsSpan(table.Slots[from].FirstValue, Slots[slot].ValueCount).CopyTo(entity.Values.AsSpan(Slots[slot].FirstValue));
            if (Slots[slot].Native is not null)
                entity.Natives[Slots[slot].NativePosition] = former.Natives[table.Slots[from].NativePosition];
            AddSeries(entity, Slots[slot].SeriesCount);
        }

        table.EndAllBut(this, former);
    }

    // A metric that the successor does not have gets staleness markers at the next collection; the others do not.
    private void EndAllBut(EntityTable successor, Entity entity)
    {
        var ends = false;
        for (var slot = 0; slot < Slots.Length; slot++)
        {
            if (entity.FirstSeenMs[slot] == 0)
                continue;
            if (successor.Has(Slots[slot].Name.Name))
            {
                entity.FirstSeenMs[slot] = 0;
                RemoveSeries(entity, Slots[slot].SeriesCount);
            }
            else
            {
                ends = true;
            }
        }

        if (ends)
            entity.LastUpdatedMs = 0;
        else
            Remove(entity);
    }

    private void Insert(Entity entity)
    {
        if ((_count + 1) * 4 > _places.Length * 3)
            Grow();
        Link(entity);
        Append(entity);
        _budget.AddEntity();
    }

    private void Append(Entity entity)
    {
        if (_count == _entities.Length)
            Array.Resize(ref _entities, _count * 2);
        entity.Position = _count;
        _entities[_count++] = entity;
    }

    private void Grow()
    {
        var former = _places;
        _places = new Place[former.Length * 2];
        foreach (var place in former)
        {
            if (place.Entity is { } entity)
                Link(entity);
        }
    }

    private void Link(Entity entity)
    {
        var mask = _places.Length - 1;
        var i = (int)entity.Hash & mask;
        while (_places[i].Entity is not null)
            i = (i + 1) & mask;
        _places[i] = new Place { Hash = entity.Hash, Entity = entity };
    }

    // Linear probing without tombstones: entries that were pushed away from their own place move up into the gap.
    private void Unlink(Entity entity)
    {
        var mask = _places.Length - 1;
        var gap = (int)entity.Hash & mask;
        while (_places[gap].Entity != entity)
            gap = (gap + 1) & mask;
        for (var i = (gap + 1) & mask; _places[i].Entity is not null; i = (i + 1) & mask)
        {
            var home = (int)_places[i].Hash & mask;
            if (((i - home) & mask) < ((i - gap) & mask))
                continue;
            _places[gap] = _places[i];
            gap = i;
        }

        _places[gap] = default;
    }

    private struct Place
    {
        public ulong Hash;
        public Entity? Entity;
    }
}
