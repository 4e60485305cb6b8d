using System.Text;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Generator.Limits;
using OrleansTempo.Core.Generator.NativeHistograms;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.Generator.Snapshots;
using OrleansTempo.Core.Overrides;

namespace OrleansTempo.Core.Generator.Registry;

/// <summary>
/// Holds all series of one tenant, in the entity tables of its processors, and collects them. The first sample of a counter or
/// histogram is an explicit 0 at the time it was first seen. A series that is not updated for the stale duration ends with a
/// staleness marker.
/// </summary>
internal sealed class SeriesRegistry
{
    private static readonly double s_staleMarker = BitConverter.Int64BitsToDouble(SeriesPoint.StaleMarkerBits);

    private readonly TenantId _tenant;
    private readonly GeneratorShard _shard;
    private readonly List<EntityTable> _tables = [];
    private readonly List<EntityTable> _retired = [];
    private readonly NativeHistogramSample _nativeSample = new();
    private long _lastCollectionMs;
    private long _collectedAtMs;
    private bool _hasSent;

    public SeriesRegistry(TenantId tenant, GeneratorSettings settings, GeneratorShard shard)
    {
        _tenant = tenant;
        _shard = shard;
        Apply(settings);
    }

    public SeriesBudget Budget { get; } = new();

    public LabelLimiter Labels { get; } = new();

    public bool HasInfoMetrics => _shard.HasInfoMetrics;

    /// <summary>The labels that every series carries, in no particular order.</summary>
    public IReadOnlyDictionary<string, string> ExternalLabels { get; private set; } = new Dictionary<string, string>();

    public RegistryOptions Options { get; private set; } = new();

    /// <summary>How long a series lives without an update, in milliseconds.</summary>
    public long StaleMs => (long)Options.StaleDuration.TotalMilliseconds;

    public void Apply(GeneratorSettings settings)
    {
        Options = settings.Registry;
        Budget.Max = settings.LimiterType == LimiterType.Series ? _shard.Share(settings.MaxActiveSeries) : 0;
        Budget.MaxEntities = settings.LimiterType == LimiterType.Entity ? _shard.Share(settings.MaxActiveEntities) : 0;
        Labels.Apply(settings.MaxCardinalityPerLabel, settings.Registry.StaleDuration, settings.Registry.MaxLabelValueLength);
        var labels = new Dictionary<string, string>(settings.Registry.ExternalLabels, StringComparer.Ordinal);
        if (settings.Registry.InjectTenantIdAs.Length > 0)
            labels[settings.Registry.InjectTenantIdAs] = _tenant.Value;
        if (_shard.IsSharded)
            labels[GeneratorShard.LabelName] = _shard.ToString();
        foreach (var name in labels.Keys.Where(static name => !LabelName.IsValid(name) || LabelName.IsReserved(name)).ToArray())
            labels.Remove(name);
        ExternalLabels = labels;
    }

    /// <summary>Creates a table with these metrics. If it replaces a table, the entities of that table continue in it.</summary>
    public EntityTable AddTable(EntityTable? replaced, params MetricSlot[] slots)
    {
        var table = NewTable(slots);
        if (replaced is not null)
        {
            _tables.Remove(replaced);
            table.Adopt(replaced);
        }

        AdoptRetired(table);
        _tables.Add(table);
        LoseTrack();
        return table;
    }

    /// <summary>Retires the table of a processor that was switched off: its series end with staleness markers at the next collection.</summary>
    public void RemoveTable(EntityTable table)
    {
        if (_tables.Remove(table))
            _retired.Add(table);
        LoseTrack();
    }

    /// <summary>The tables whose series end at the next collection.</summary>
    public IReadOnlyList<EntityTable> Retired => _retired;

    /// <summary>The timestamp of the last collection in Unix milliseconds; 0 before the first.</summary>
    public long LastCollectionMs => _lastCollectionMs;

    /// <summary>Stamps all collections and zeros from now on later than this; Unix milliseconds.</summary>
    public void StartAfter(long timestampMs) => _lastCollectionMs = Math.Max(_lastCollectionMs, timestampMs);

    /// <summary>As <see cref="StartAfter"/>, but also goes back behind later collections, because no remote end has accepted those. Unix milliseconds.</summary>
    public void StartAgainAfter(long timestampMs)
    {
        _lastCollectionMs = timestampMs;
        LoseTrack();
    }

    /// <summary>The timestamp of the collection since which changes are tracked, see <see cref="TracksChanges"/>; Unix milliseconds.</summary>
    public long ChangesSinceMs { get; private set; }

    /// <summary>The time of that collection in steady milliseconds.</summary>
    public long TrackedFromMs { get; private set; }

    /// <summary>
    /// Whether changes are fully tracked: <see cref="EntityTable.Removed"/>, <see cref="EntityTable.ChangedByCollection"/> and the
    /// entities last updated at or after <see cref="TrackedFromMs"/> are all that changed since then.
    /// </summary>
    public bool TracksChanges { get; private set; }

    /// <summary>
    /// Tracks changes from here on, after everything has been recorded. Tracking is not possible while series change without being
    /// updated: those of replaced tables, and old series that the next collection sends for the first time.
    /// </summary>
    public void TrackChanges()
    {
        TracksChanges = _hasSent && _retired.Count == 0 && _tables.TrueForAll(static t => t.Formers.Count == 0);
        ChangesSinceMs = _lastCollectionMs;
        TrackedFromMs = _collectedAtMs;
        foreach (var table in _tables)
        {
            table.Removed = TracksChanges ? [] : null;
            table.ChangedByCollection = TracksChanges ? [] : null;
        }
    }

    /// <summary>Called when something changes that is not tracked: the next record must be a whole snapshot.</summary>
    public void LoseTrack() => TracksChanges = false;

    /// <summary>
    /// Restores the tables of a snapshot, before there are any series. If a table still has the same metrics, its entities can be
    /// found by their keys at once; the rest is treated as after a change of settings.
    /// </summary>
    /// <param name="snapshot">The tables, each before those it had replaced.</param>
    /// <param name="live">Returns the present table of a part, and a function from labels to the key of an entity in it; null if the part does not exist.</param>
    public void Restore(IEnumerable<SnapshotTable> snapshot, Func<SnapshotPart, (EntityTable Table, Func<LabelSet, byte[]?> KeyOf)?> live)
    {
        foreach (var table in snapshot)
        {
            if (live(table.Part) is not var (target, keyOf))
            {
                if (table.IsFormer)
                    _retired[^1].AddFormer(NewTable(table));
                else
                    _retired.Add(NewTable(table));
            }
            else if (table.IsFormer)
            {
                target.Adopt(NewTable(table));
            }
            else
            {
                var rest = target.HasSameSlotsAs(table.Slots) ? table.RestoreInto(target, keyOf) : table;
                if (rest.Entities.Count > 0)
                    target.Adopt(NewTable(rest));
            }
        }

        foreach (var table in _tables)
            AdoptRetired(table);
    }

    /// <summary>
    /// Adds the external labels, which win over labels of the same name, cuts names and values to their length limits, and drops
    /// empty values and labels named <c>__name__</c>. Of several labels with the same name, the last one wins.
    /// </summary>
    public LabelSet WithExternalLabels(IEnumerable<KeyValuePair<string, byte[]>> labels)
    {
        var set = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var (name, value) in labels)
        {
            var cutName = CutName(name);
            if (value.Length == 0)
                set.Remove(cutName);
            else if (cutName != "__name__")
                set[cutName] = Utf8Text.Cut(value, Options.MaxLabelValueLength).ToArray();
        }

        foreach (var (name, value) in ExternalLabels)
            set[name] = Encoding.UTF8.GetBytes(value);
        return new LabelSet(set.Where(l => l.Value.Length > 0).Select(l => KeyValuePair.Create(Encoding.UTF8.GetBytes(l.Key), l.Value)));
    }

    /// <summary>
    /// The name of a label as it appears in a series: cut to its limit, and always valid for Prometheus, because a single invalid
    /// name would make it reject all series of a scrape or request.
    /// </summary>
    public string CutName(string name)
    {
        if (LabelName.IsValid(name) && (Options.MaxLabelNameLength <= 0 || name.Length <= Options.MaxLabelNameLength))
            return name;
        var cut = Encoding.UTF8.GetString(Utf8Text.Cut(Encoding.UTF8.GetBytes(name), Options.MaxLabelNameLength));
        return LabelName.IsValid(cut) ? cut : LabelName.Sanitize(cut);
    }

    /// <summary>
    /// Which of a processor's labels, in the order they are added, appear in its series. A label does not appear if a later label
    /// or an external label has the same name, or if it is named <c>le</c> or <c>__name__</c>; it must not tell two entities apart.
    /// </summary>
    public bool[] Visible(IReadOnlyList<string> labels)
    {
        var names = labels.Select(CutName).ToArray();
        return [.. names.Select((name, i) => !ExternalLabels.ContainsKey(name) && !LabelName.IsReserved(name) && Array.LastIndexOf(names, name) == i)];
    }

    /// <summary>
    /// Visits every series with its value, including the zeros of new series and the staleness markers of ended ones, and removes
    /// the ended ones. Without a visitor, series still end, and a new series stays new.
    /// </summary>
    /// <param name="nowMs">Now in steady milliseconds.</param>
    /// <param name="aheadMs">How far the system clock, which timestamps follow, is ahead of the steady clock.</param>
    /// <param name="visitor">Receives the series; null for none.</param>
    /// <returns>The timestamp of the collection: the system clock's time, or 1 ms after the last collection if that is later.</returns>
    public long Collect(long nowMs, long aheadMs, ISeriesVisitor? visitor)
    {
        var collection = new Collection(nowMs, Math.Max(nowMs + aheadMs, _lastCollectionMs + 1), new WallStamps(aheadMs, _lastCollectionMs));
        var staleBeforeMs = nowMs - StaleMs;
        foreach (var table in _tables)
        {
            CollectTable(table, collection, staleBeforeMs, visitor);
            foreach (var former in table.Formers)
                CollectTable(former, collection, staleBeforeMs, visitor);
            table.DropEmptyFormers();
        }

        foreach (var table in _retired)
        {
            CollectTable(table, collection, long.MaxValue, visitor);
            foreach (var former in table.Formers)
                CollectTable(former, collection, long.MaxValue, visitor);
        }

        _retired.Clear();
        _lastCollectionMs = collection.TimestampMs;
        _collectedAtMs = nowMs;
        _hasSent = visitor is not null;
        TracksChanges &= _hasSent;
        return collection.TimestampMs;
    }

    /// <summary>
    /// How many entities and series there would be without a limit: the present ones, without the overflow entity, plus an estimate
    /// of those refused within the stale duration. Now is in steady milliseconds.
    /// </summary>
    public (long Entities, long Series) Demand(long nowMs)
    {
        long entities = Budget.Entities, series = Budget.Active;
        foreach (var table in _tables)
        {
            var refused = table.RefusedOfLate(nowMs, StaleMs);
            entities += refused.Entities;
            series += refused.Series;
        }

        return (entities, series);
    }

    /// <summary>Treats labels as over their limit from the start if they were over it in what was restored; steady milliseconds.</summary>
    public void RestoreLimits(long nowMs)
    {
        foreach (var table in _tables.SelectMany(t => t.Formers.Prepend(t)))
        {
            foreach (var entity in table.Entities)
                Labels.Restore(entity.Labels, nowMs);
        }
    }

    /// <summary>The present entities, without those of retired tables.</summary>
    public SeriesListing List() => new(_tables.SelectMany(static t => t.Formers.Prepend(t)));

    /// <summary>
    /// Visits about this many series of a family with their current values, from a place in the listing on, and changes nothing; see
    /// <see cref="Collect"/> for the times. Returns where to continue, or -1 at the end.
    /// </summary>
    public int Visit(SeriesListing listing, string family, int from, int series, long nowMs, long aheadMs, ISeriesVisitor visitor)
    {
        var visit = new Collection(nowMs, nowMs + aheadMs, new WallStamps(aheadMs, NotBeforeMs: 0));
        return listing.Visit(
            family,
            from,
            (entity, slot) =>
            {
                VisitSlot(entity, slot, visit, 0, stale: false, visitor);
                return slot.SeriesCount;
            },
            series);
    }

    // A processor that was switched off and on again before a collection: its series have not ended yet, so they continue.
    private void AdoptRetired(EntityTable table)
    {
        foreach (var retired in _retired.FindAll(t => t.MayShareSeriesWith(table)))
        {
            _retired.Remove(retired);
            table.Adopt(retired);
        }
    }

    private EntityTable NewTable(SnapshotTable snapshot)
    {
        var table = NewTable(snapshot.Slots);
        foreach (var entity in snapshot.Entities)
        {
            if (entity == snapshot.Overflow)
                table.RestoreOverflow(entity);
            else
                table.Restore(entity);
        }

        return table;
    }

    private EntityTable NewTable(MetricSlot[] slots) => new(Budget, WithExternalLabels([new("metric_overflow", "true"u8.ToArray())]), slots);

    // From the end, so that removing an entity (the last takes its place) skips none.
    private void CollectTable(EntityTable table, in Collection collection, long staleBeforeMs, ISeriesVisitor? visitor)
    {
        for (var i = table.Entities.Length - 1; i >= 0; i--)
        {
            var entity = table.Entities[i];
            var stale = entity.LastUpdatedMs < staleBeforeMs;
            for (var slot = 0; slot < table.Slots.Length; slot++)
            {
                var firstSeenMs = entity.FirstSeenMs[slot];
                if (visitor is null || firstSeenMs == 0 || (stale && !entity.Collected[slot]))
                    continue;
                var metric = table.Slots[slot];
                var native = metric.Native is null ? null : entity.Natives[metric.NativePosition];
                var zeroMs = 0L;
                if (native is { IsReset: true } && !stale)
                    zeroMs = ZeroTimestamp(native.StartedMs, collection);
                else if (!entity.Collected[slot] && metric.Type != MetricType.Gauge)
                    zeroMs = ZeroTimestamp(firstSeenMs, collection);
                VisitSlot(entity, metric, collection, zeroMs, stale, visitor);
                entity.Collected[slot] = true;
                if (native is null)
                    continue;
                var wasReset = native.IsReset;
                native.OnCollected(metric.Native!, collection.NowMs);
                if (wasReset || native.IsReset)
                    table.ChangedByCollection?.Add(entity);
            }

            if (entity.Exemplars.Length > 0)
                Array.Clear(entity.Exemplars);
            if (stale)
                table.Remove(entity);
        }
    }

    // When it was first seen, but after anything sent before and before the collection; 0 if there is no room in between.
    private long ZeroTimestamp(long firstSeenMs, in Collection collection)
    {
        var zeroMs = Math.Max(Math.Min(collection.Stamps.Of(firstSeenMs), collection.TimestampMs - 1), _lastCollectionMs + 1);
        return zeroMs < collection.TimestampMs ? zeroMs : 0;
    }

    private void VisitSlot(Entity entity, MetricSlot slot, in Collection collection, long zeroMs, bool stale, ISeriesVisitor visitor)
    {
        if (slot.Native is not null)
        {
            VisitNative(entity, slot, collection, zeroMs, stale, visitor);
            return;
        }

        var timestampMs = collection.TimestampMs;
        var values = entity.Values.AsSpan(slot.FirstValue, slot.ValueCount);
        if (slot.Type != MetricType.Histogram)
        {
            visitor.Visit(new SeriesPoint
            {
                Labels = entity.Labels,
                Name = slot.Name,
                Value = stale ? s_staleMarker : values[0],
                TimestampMs = timestampMs,
                ZeroTimestampMs = zeroMs,
            });
            return;
        }

        double count = 0;
        Span<byte> traceId = stackalloc byte[16];
        for (var i = 0; i < slot.Buckets.Length; i++)
        {
            count = Math.Min(count + values[1 + i], double.MaxValue);
            ref readonly var exemplar = ref entity.Exemplars[slot.FirstExemplar + i];
            var hasExemplar = exemplar.IsSet && !stale;
            if (hasExemplar)
                exemplar.WriteTraceId(traceId);
            visitor.Visit(new SeriesPoint
            {
                Labels = entity.Labels,
                Name = slot.BucketName!,
                Bucket = slot.Buckets[i],
                Value = stale ? s_staleMarker : count,
                TimestampMs = timestampMs,
                ZeroTimestampMs = zeroMs,
                ExemplarTraceId = hasExemplar ? traceId : default,
                ExemplarValue = hasExemplar ? exemplar.Value : 0,
                ExemplarTimestampMs = hasExemplar ? collection.Stamps.Of(exemplar.TimestampMs) : 0,
            });
        }

        visitor.Visit(new SeriesPoint
        {
            Labels = entity.Labels,
            Name = slot.SumName!,
            Value = stale ? s_staleMarker : values[0],
            TimestampMs = timestampMs,
            ZeroTimestampMs = zeroMs,
        });
        visitor.Visit(new SeriesPoint
        {
            Labels = entity.Labels,
            Name = slot.Name,
            Value = stale ? s_staleMarker : count,
            TimestampMs = timestampMs,
            ZeroTimestampMs = zeroMs,
        });
    }

    private void VisitNative(Entity entity, MetricSlot slot, in Collection collection, long zeroMs, bool stale, ISeriesVisitor visitor)
    {
        var histogram = entity.Natives[slot.NativePosition]!;
        var sample = stale ? NativeHistogramSample.Stale(histogram) : _nativeSample.Of(histogram, entity.Exemplars.AsSpan(slot.FirstExemplar, slot.ExemplarCount), collection.Stamps);
        visitor.Visit(new SeriesPoint
        {
            Labels = entity.Labels,
            Name = slot.Name,
            Value = sample.Sum,
            TimestampMs = collection.TimestampMs,
            ZeroTimestampMs = zeroMs,
            IsNative = true,
            Native = sample,
        });
    }

    /// <summary>The times of one visit of all series.</summary>
    /// <param name="NowMs">Now, in steady milliseconds.</param>
    /// <param name="TimestampMs">The timestamp of its samples, in Unix milliseconds.</param>
    /// <param name="Stamps">Converts other times to timestamps.</param>
    private readonly record struct Collection(long NowMs, long TimestampMs, WallStamps Stamps);
}
