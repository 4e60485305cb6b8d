using System.Text;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Generator.Limits;
using OrleansTempo.Core.Generator.NativeHistograms;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.Generator.Snapshots;
using OrleansTempo.Core.Overrides;

namespace OrleansTempo.Core.Generator.Registry;

/// <summary>
/// All series of one tenant: the entity tables of its processors, and what a collection makes of them. A counter's or
/// histogram's first sample is an explicit 0 at the moment it was first seen; a series not updated for the stale duration
/// ends with a staleness marker.
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

    /// <summary>The labels that every series carries, sorted by nothing in particular.</summary>
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

    /// <summary>A table with these metrics; where it replaces one, the entities of that one go on in it.</summary>
    public EntityTable AddTable(EntityTable? replaced, params MetricSlot[] slots)
    {
        var table = NewTable(slots);
        if (replaced is not null)
        {
            _tables.Remove(replaced);
            table.Succeed(replaced);
        }

        SucceedRetired(table);
        _tables.Add(table);
        LoseAccount();
        return table;
    }

    /// <summary>Ends a table whose processor was switched off: its series get their staleness markers at the next collection.</summary>
    public void RemoveTable(EntityTable table)
    {
        if (_tables.Remove(table))
            _retired.Add(table);
        LoseAccount();
    }

    /// <summary>The tables that were ended, with what the next collection still says of them.</summary>
    public IReadOnlyList<EntityTable> Retired => _retired;

    /// <summary>Unix milliseconds; 0 before the first.</summary>
    public long LastCollectionMs => _lastCollectionMs;

    /// <summary>Collections and zeros from now on are later than this; Unix milliseconds.</summary>
    public void StartAfter(long timestampMs) => _lastCollectionMs = Math.Max(_lastCollectionMs, timestampMs);

    /// <summary>As <see cref="StartAfter"/>, also where collections had later stamps: nobody has taken those. Unix milliseconds.</summary>
    public void StartAgainAfter(long timestampMs)
    {
        _lastCollectionMs = timestampMs;
        LoseAccount();
    }

    /// <summary>The stamp of the collection since which there is an account of what has changed, see <see cref="HasAccount"/>.</summary>
    public long AccountSinceMs { get; private set; }

    /// <summary>When that collection was, in steady milliseconds.</summary>
    public long AccountBeganMs { get; private set; }

    /// <summary>
    /// Whether <see cref="EntityTable.Removed"/>, <see cref="EntityTable.ChangedByCollection"/>, and the entities last updated at or after
    /// <see cref="AccountBeganMs"/> are all that has changed since then.
    /// </summary>
    public bool HasAccount { get; private set; }

    /// <summary>
    /// Keeps account of what changes from here on, all being recorded. There is none where series change that nobody counts in:
    /// those of replaced tables, and those that the next collection is the first to send though they have been there for long.
    /// </summary>
    public void BeginAccount()
    {
        HasAccount = _hasSent && _retired.Count == 0 && _tables.TrueForAll(static t => t.Formers.Count == 0);
        AccountSinceMs = _lastCollectionMs;
        AccountBeganMs = _collectedAtMs;
        foreach (var table in _tables)
        {
            table.Removed = HasAccount ? [] : null;
            table.ChangedByCollection = HasAccount ? [] : null;
        }
    }

    /// <summary>Something has changed that the account does not say.</summary>
    public void LoseAccount() => HasAccount = false;

    /// <summary>
    /// Goes on with the tables of a snapshot, no series being there yet. Where a table's metrics are still the same, its
    /// entities are found under their keys at once; the rest is as after a change of settings.
    /// </summary>
    /// <param name="snapshot">The tables, each before those it had taken over from.</param>
    /// <param name="live">The table of a part that there is, and the key by which it would find an entity of these labels.</param>
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
                target.Succeed(NewTable(table));
            }
            else
            {
                var rest = target.HasSameSlotsAs(table.Slots) ? table.RestoreInto(target, keyOf) : table;
                if (rest.Entities.Count > 0)
                    target.Succeed(NewTable(rest));
            }
        }

        foreach (var table in _tables)
            SucceedRetired(table);
    }

    /// <summary>
    /// Adds the external labels, which win over labels of the same name, cuts to the length limits, and drops empty values and what
    /// would be another <c>__name__</c>; of several labels with one name the last stands.
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
    /// A label's name as it appears in a series: cut to its limit, and always one that Prometheus takes, for one that is not would
    /// cost all series of a scrape or request.
    /// </summary>
    public string CutName(string name)
    {
        if (LabelName.IsValid(name) && (Options.MaxLabelNameLength <= 0 || name.Length <= Options.MaxLabelNameLength))
            return name;
        var cut = Encoding.UTF8.GetString(Utf8Text.Cut(Encoding.UTF8.GetBytes(name), Options.MaxLabelNameLength));
        return LabelName.IsValid(cut) ? cut : LabelName.Sanitize(cut);
    }

    /// <summary>
    /// Which of a processor's labels, in the order they are added, appear in its series: one that a later label or an
    /// external label of the same name replaces does not, nor one named <c>le</c> or <c>__name__</c>, and must not tell two
    /// entities apart.
    /// </summary>
    public bool[] Visible(IReadOnlyList<string> labels)
    {
        var names = labels.Select(CutName).ToArray();
        return [.. names.Select((name, i) => !ExternalLabels.ContainsKey(name) && !LabelName.IsReserved(name) && Array.LastIndexOf(names, name) == i)];
    }

    /// <summary>
    /// Visits every series with its value, the zeros of new ones and the staleness markers of those that have ended, and forgets the
    /// latter. Without a visitor, series still end, and one that is new stays new.
    /// </summary>
    /// <param name="nowMs">Now in steady milliseconds.</param>
    /// <param name="aheadMs">By how much the system clock, whose time the stamps show, is ahead of that.</param>
    /// <param name="visitor">Who is told; null for nobody.</param>
    /// <returns>The collection's timestamp: what the system clock shows, or 1 ms after the last collection where that is later.</returns>
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
        HasAccount &= _hasSent;
        return collection.TimestampMs;
    }

    /// <summary>
    /// How many entities and series there would be without a limit: those there are, without the overflow, and by estimate those
    /// that were refused within the stale duration. Now is in steady milliseconds.
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

    /// <summary>Has labels over their limit from the start where those of what was restored were; steady milliseconds.</summary>
    public void GoOnLimiting(long nowMs)
    {
        foreach (var table in _tables.SelectMany(t => t.Formers.Prepend(t)))
        {
            foreach (var entity in table.Entities)
                Labels.GoOnWith(entity.Labels, nowMs);
        }
    }

    /// <summary>The entities there are now, but for those that were ended.</summary>
    public SeriesListing List() => new(_tables.SelectMany(static t => t.Formers.Prepend(t)));

    /// <summary>
    /// Visits about so many series of a family with their current values, changing nothing, from a place in the listing on; see <see cref="Collect"/> for the
    /// times. Returns where to go on, or -1.
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

    // Switched off and on again before a collection: the series have not ended yet, so they go on.
    private void SucceedRetired(EntityTable table)
    {
        foreach (var retired in _retired.FindAll(t => t.MayShareSeriesWith(table)))
        {
            _retired.Remove(retired);
            table.Succeed(retired);
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
                native.Collected(metric.Native!, collection.NowMs);
                if (wasReset || native.IsReset)
                    table.ChangedByCollection?.Add(entity);
            }

            if (entity.Exemplars.Length > 0)
                Array.Clear(entity.Exemplars);
            if (stale)
                table.Remove(entity);
        }
    }

    // When first seen, but after anything sent before and before the collection; none where there is no room between.
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

    /// <summary>One visit of all series.</summary>
    /// <param name="NowMs">When it is, in steady milliseconds.</param>
    /// <param name="TimestampMs">What its samples are stamped with; Unix milliseconds.</param>
    /// <param name="Stamps">Makes the other stamps.</param>
    private readonly record struct Collection(long NowMs, long TimestampMs, WallStamps Stamps);
}
