using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using OrleansTempo.Core.Configuration.Overrides;
using OrleansTempo.Core.Generator.HostInfo;
using OrleansTempo.Core.Generator.Registry;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.Generator.ServiceGraphs;
using OrleansTempo.Core.Generator.Snapshots;
using OrleansTempo.Core.Generator.SpanMetrics;
using OrleansTempo.Core.Generator.SpanNames;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Overrides;

namespace OrleansTempo.Core.Generator;

/// <summary>
/// A tenant's metrics-generator: its processors, and the series they update. One caller at a time; it never blocks, and never
/// starts threads or timers of its own.
/// <code>
///   SpanBatch ─► slack, deduplication ───┬─► span-metrics ───┐
///                                        ├─► service-graphs ─┼─► series registry ─► Collect ─► remote write
///                                        └─► host-info ──────┘                   └► Visit ───► scrape page
/// </code>
/// </summary>
public sealed class TenantGenerator
{
    // Between two collections, the usual corrections of the system clock are far smaller than this.
    private static readonly TimeSpan s_setClock = TimeSpan.FromSeconds(1);

    private readonly TenantId _tenant;
    private readonly GeneratorShard _shard;
    private readonly GeneratorCounters _counters;
    private readonly TimeProvider _time;

    // Processors and registry use this clock for all their times; what is sent carries timestamps of the system clock.
    private readonly SteadyClock _clock;
    private readonly SeriesRegistry _registry;
    private GeneratorSettings _settings;
    private SpanMetricsProcessor? _spanMetrics;
    private SpanNameSanitizer? _spanNames;
    private ServiceGraphsProcessor? _serviceGraphs;
    private HostInfoProcessor? _hostInfo;
    private RecentSpans? _recent;
    private int[] _accepted = [];
    private TimeSpan _ahead;
    private (long Added, long Removed, long Limited) _reported;
    private (long Added, long Removed, long Limited) _reportedEntities;

    /// <param name="tenant">The tenant whose spans it counts.</param>
    /// <param name="settings">The tenant's settings, the same for all its shards.</param>
    /// <param name="metrics">The process's own metrics.</param>
    /// <param name="time">The clock.</param>
    /// <param name="shard">The part of the tenant's traces that it receives.</param>
    /// <exception cref="ArgumentException">A filter policy is not valid, or the shard does not exist.</exception>
    public TenantGenerator(TenantId tenant, GeneratorSettings settings, TempoMetrics metrics, TimeProvider time, GeneratorShard shard = default)
    {
        if (shard.Index < 0 || shard.Count < 0 || shard.Index >= Math.Max(shard.Count, 1))
            throw new ArgumentOutOfRangeException(nameof(shard), $"Shard {shard.Index} does not exist: there are {shard.Count} shards.");
        _shard = shard;
        _tenant = tenant;
        _counters = new GeneratorCounters(metrics, tenant, shard);
        _counters.CountFromZero();
        _time = time;
        _clock = new SteadyClock(time);
        _settings = settings;
        _registry = new SeriesRegistry(tenant, settings, shard);
        ApplyDedupe();
        ReplaceSpanMetrics();
        ReplaceServiceGraphs();
        ReplaceHostInfo();
    }

    public GeneratorSettings Settings => _settings;

    /// <summary>The number of series, including those of overflow entities.</summary>
    public int ActiveSeries => _registry.Budget.Active + _registry.Budget.Overflow;

    /// <summary>The number of edges of the service graph that wait for their other side.</summary>
    public int WaitingEdges => _serviceGraphs?.Waiting.Edges.Count ?? 0;

    /// <summary>Whether it holds nothing: no series, not even one that still needs its staleness marker, and no waiting edge.</summary>
    public bool IsEmpty => ActiveSeries == 0 && WaitingEdges == 0;

    /// <summary>Counts the spans of a batch, and keeps no reference to the batch.</summary>
    public void Push(SpanBatch batch)
    {
        var now = _time.GetUtcNow();
        var (earliest, latest) = AcceptedEnds(now);
        var spans = batch.Spans;
        Reserve(spans.Length);
        var accepted = 0;
        for (var i = 0; i < spans.Length; i++)
        {
            var end = spans[i].EndTimeUnixNano;
            if (end >= earliest && end <= latest)
                _accepted[accepted++] = i;
        }

        Push(batch, accepted, spans.Length, batch.Bytes.Length, now);
    }

    /// <summary>Counts some spans of a batch, those of this shard, and keeps no reference to the batch.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="positions">Positions in <see cref="SpanBatch.Spans"/>, ascending.</param>
    public void Push(SpanBatch batch, ReadOnlySpan<int> positions)
    {
        var now = _time.GetUtcNow();
        var (earliest, latest) = AcceptedEnds(now);
        var spans = batch.Spans;
        Reserve(positions.Length);
        var accepted = 0;
        long bytes = 0;
        foreach (var i in positions)
        {
            ref readonly var span = ref spans[i];
            bytes += span.Message.Length;
            if (span.EndTimeUnixNano >= earliest && span.EndTimeUnixNano <= latest)
                _accepted[accepted++] = i;
        }

        Push(batch, accepted, positions.Length, bytes, now);
    }

    /// <summary>
    /// Visits every series for sending: new series with their first 0, ended ones with their staleness marker, each bucket with
    /// its exemplar since the last collection. With <c>disable_collection</c> nothing is visited, but series still end.
    /// </summary>
    /// <returns>The timestamp of the collection in Unix milliseconds; each collection has a later one than the one before.</returns>
    public long Collect(ISeriesVisitor visitor)
    {
        var nowMs = _clock.NowMs;
        var ahead = NoteClock(_time.GetUtcNow());
        if (_registry.Labels.IsOn)
            _registry.Labels.Update(nowMs);
        _serviceGraphs?.Tidy(nowMs);
        try
        {
            var timestampMs = _registry.Collect(nowMs, (long)ahead.TotalMilliseconds, _settings.DisableCollection ? null : visitor);
            _counters.Collected();
            return timestampMs;
        }
        catch
        {
            _counters.CollectionFailed();
            throw;
        }
        finally
        {
            _counters.Series(_registry.Budget, ref _reported);
            _counters.Entities(_registry.Budget, ref _reportedEntities);
            _counters.Demand(_registry.Demand(nowMs));
            _registry.Labels.Report(_counters);
            if (_spanNames is not null)
                ReportSanitizedDemand(_spanNames, nowMs);
        }
    }

    /// <summary>Visits every series with its current value, and changes nothing.</summary>
    public void Visit(ISeriesVisitor visitor)
    {
        var listing = List();
        foreach (var family in listing.Families)
            Visit(listing, family, 0, int.MaxValue, visitor);
    }

    /// <summary>Lists the present entities, for <see cref="Visit(SeriesListing, string, int, int, ISeriesVisitor)"/>.</summary>
    internal SeriesListing List() => _registry.List();

    /// <summary>Visits about this many series of a family with their current values, from a place on; returns where to continue, or -1 at the end.</summary>
    internal int Visit(SeriesListing listing, string family, int from, int series, ISeriesVisitor visitor) =>
        _registry.Visit(listing, family, from, series, _clock.NowMs, (long)_clock.Ahead.TotalMilliseconds, visitor);

    /// <summary>
    /// Writes all series, the waiting edges and the time of the last collection, so that another generator of the tenant can
    /// continue exactly where this one stops; see <c>docs/generator-snapshot.md</c>. Only the exemplars since the last collection
    /// and the estimates are lost.
    /// </summary>
    public void WriteSnapshot(IBufferWriter<byte> output)
    {
        WriteSnapshot(output, onlyChanges: false);
        _registry.TrackChanges();
    }

    /// <summary>
    /// Writes what has changed since the last call of this method or of <see cref="WriteSnapshot(IBufferWriter{byte})"/>: the series
    /// that were updated or have ended, and all waiting edges. Must be called directly after a collection.
    /// </summary>
    /// <returns>False if a whole snapshot is needed, such as after a change of settings; nothing is written then.</returns>
    public bool TryWriteChanges(IBufferWriter<byte> output)
    {
        if (!_registry.TracksChanges)
            return false;
        WriteSnapshot(output, onlyChanges: true);
        _registry.TrackChanges();
        return true;
    }

    /// <summary>
    /// Restores a snapshot, into a generator that has taken no spans and made no collection yet. The settings may differ from
    /// those of the snapshot: the result is as if they had been applied to the generator that wrote it.
    /// </summary>
    /// <param name="snapshot">The bytes, which are not trusted.</param>
    /// <param name="reason">Why the snapshot cannot be restored; nothing has changed then.</param>
    /// <exception cref="InvalidOperationException">The generator already has series.</exception>
    public bool TryRestore(ReadOnlySpan<byte> snapshot, [NotNullWhen(false)] out string? reason)
    {
        ThrowUnlessEmpty();
        if (!GeneratorSnapshot.TryRead(snapshot, _tenant, _shard, _clock.NowMs, out var content, out reason))
            return false;
        Restore(content);
        return true;
    }

    /// <summary>Restores a snapshot and the changes recorded after it.</summary>
    /// <param name="records">The snapshot, and the changes in the order in which they were written.</param>
    /// <param name="sentUpToMs">The last collection that may have been sent, if known: records older than that would count again what was sent in between. Unix milliseconds.</param>
    /// <param name="reason">Why the records cannot be restored; nothing has changed then.</param>
    /// <exception cref="InvalidOperationException">The generator already has series.</exception>
    public bool TryRestore(IReadOnlyList<ReadOnlyMemory<byte>> records, long sentUpToMs, [NotNullWhen(false)] out string? reason)
    {
        ThrowUnlessEmpty();
        if (!GeneratorSnapshot.TryRead(records[0].Span, _tenant, _shard, _clock.NowMs, out var content, out reason))
            return false;
        if (records.Count > 1)
        {
            if (!SnapshotReplay.TryBegin(content, out var replay, out reason))
                return false;
            for (var i = 1; i < records.Count; i++)
            {
                if (!GeneratorSnapshot.TryRead(records[i].Span, _tenant, _shard, _clock.NowMs, out content, out reason, onlyChanges: true)
                    || !replay.TryApply(content, out reason))
                {
                    reason = $"record {i} after the snapshot: {reason}";
                    return false;
                }
            }

            content = replay.Content;
        }

        if (content.LastCollectionMs < sentUpToMs)
        {
            reason = $"it was taken at collection {content.LastCollectionMs}, but samples up to collection {sentUpToMs} may have been sent";
            return false;
        }

        Restore(content);
        return true;
    }

    private void ThrowUnlessEmpty()
    {
        if (!IsEmpty)
            throw new InvalidOperationException("A snapshot can only be restored into a generator that has taken no spans yet.");
    }

    private void WriteSnapshot(IBufferWriter<byte> output, bool onlyChanges) =>
        GeneratorSnapshot.Write(
            output, _tenant, _shard, _clock, _registry, _spanMetrics?.Table, _spanMetrics?.TargetInfo?.Table, _serviceGraphs, _hostInfo?.Table, onlyChanges);

    private void Restore(SnapshotContent content)
    {
        _registry.Restore(content.Tables, LivePart);
        _registry.StartAfter(content.LastCollectionMs);
        if (_registry.Labels.IsOn)
            _registry.RestoreLimits(_clock.NowMs);
        _spanMetrics?.LearnSpanNames();
        if (content.Edges is { } edges)
            _serviceGraphs?.Restore(edges);
    }

    /// <summary>Stamps everything from now on later than this, because another owner has sent samples up to then; Unix milliseconds.</summary>
    public void StartAfter(long timestampMs) => _registry.StartAfter(timestampMs);

    /// <summary>As <see cref="StartAfter"/>, but also goes back behind later collections, because no remote end has accepted those. Unix milliseconds.</summary>
    public void StartAgainAfter(long timestampMs) => _registry.StartAgainAfter(timestampMs);

    /// <summary>The timestamp of the last collection, or the one given to <see cref="StartAfter"/>; Unix milliseconds.</summary>
    public long LastCollectionMs => _registry.LastCollectionMs;

    /// <summary>
    /// Applies other settings. A processor that they do not affect is left alone; one that they affect keeps the series whose
    /// labels stay the same.
    /// </summary>
    /// <exception cref="ArgumentException">A filter policy is not valid; nothing has changed then.</exception>
    public void Apply(GeneratorSettings settings)
    {
        _ = new SpanFilter(settings.SpanMetrics.FilterPolicies);
        _ = new SpanFilter(settings.ServiceGraphs.FilterPolicies);
        var former = _settings;
        _settings = settings;
        _registry.Apply(settings);
        ApplyDedupe();
        var labelsChanged = !settings.Registry.Equals(former.Registry with
        {
            CollectionInterval = settings.Registry.CollectionInterval,
            StaleDuration = settings.Registry.StaleDuration,
        });
        var histogramsChanged = former.NativeHistograms != settings.NativeHistograms;
        if (labelsChanged || (histogramsChanged && settings.SpanMetricsLatency) || !former.SpanMetrics.Equals(settings.SpanMetrics)
            || former.SpanNameSanitization != settings.SpanNameSanitization
            || (former.SpanMetricsCount, former.SpanMetricsLatency, former.SpanMetricsSize)
            != (settings.SpanMetricsCount, settings.SpanMetricsLatency, settings.SpanMetricsSize))
            ReplaceSpanMetrics();
        if (labelsChanged || (histogramsChanged && settings.ServiceGraphsLatency) || !former.ServiceGraphs.Equals(settings.ServiceGraphs)
            || (former.ServiceGraphsRequest, former.ServiceGraphsLatency, former.ServiceGraphsConnectionInfo)
            != (settings.ServiceGraphsRequest, settings.ServiceGraphsLatency, settings.ServiceGraphsConnectionInfo))
            ReplaceServiceGraphs();
        if (labelsChanged || !former.HostInfo.Equals(settings.HostInfo) || former.HostInfoEnabled != settings.HostInfoEnabled)
            ReplaceHostInfo();
    }

    private void Push(SpanBatch batch, int accepted, int received, long bytes, DateTimeOffset wallNow)
    {
        NoteClock(wallNow);
        var nowMs = _clock.NowMs;
        _counters.Received(received, bytes);
        _counters.OutsideSlack(received - accepted);
        if (_registry.Labels.IsOn)
            _registry.Labels.Update(nowMs);
        if (_recent is not null)
            accepted = KeepNew(_recent, batch, accepted, nowMs);
        var positions = _accepted.AsSpan(0, accepted);
        _spanMetrics?.Push(batch, positions, nowMs);
        _serviceGraphs?.Push(batch, positions, nowMs);
        _hostInfo?.Push(batch, positions, nowMs);
    }

    private int KeepNew(RecentSpans recent, SpanBatch batch, int accepted, long nowMs)
    {
        var forgotten = recent.Forgotten;
        var kept = recent.KeepNew(batch, _accepted.AsSpan(0, accepted), nowMs);
        _counters.Duplicates(accepted - kept);
        _counters.DedupeForgotten(recent.Forgotten - forgotten);
        return kept;
    }

    private void ApplyDedupe()
    {
        if (_settings.DedupeWindow <= TimeSpan.Zero)
        {
            _recent = null;
            return;
        }

        var (windowMs, max) = ((long)_settings.DedupeWindow.TotalMilliseconds, _shard.Share(_settings.DedupeMaxSpans));
        _recent ??= new RecentSpans { WindowMs = windowMs, Max = max };
        (_recent.WindowMs, _recent.Max) = (windowMs, max);
    }

    // Records of changes express ages by the system clock of their time. After the clock was set, and until it has passed all timestamps, each record is a whole snapshot.
    private TimeSpan NoteClock(DateTimeOffset wallNow)
    {
        var ahead = wallNow - _clock.Now;
        if ((ahead - _ahead).Duration() >= s_setClock || wallNow.ToUnixTimeMilliseconds() < _registry.LastCollectionMs)
            _registry.LoseTrack();
        _ahead = ahead;
        return ahead;
    }

    private void Reserve(int spans)
    {
        if (_accepted.Length < spans)
            _accepted = new int[Math.Max(spans, _accepted.Length * 2)];
    }

    private (ulong Earliest, ulong Latest) AcceptedEnds(DateTimeOffset now)
    {
        var slackNanos = _settings.IngestionTimeRangeSlack.Ticks * TimeSpan.NanosecondsPerTick;
        var nowNanos = (now - DateTimeOffset.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;
        return ((ulong)Math.Max(nowNanos - slackNanos, 0), (ulong)(nowNanos + slackNanos));
    }

    private (EntityTable Table, Func<LabelSet, byte[]?> KeyOf)? LivePart(SnapshotPart part) => part switch
    {
        SnapshotPart.SpanMetrics when _spanMetrics is { } spanMetrics => (spanMetrics.Table, spanMetrics.KeyOf),
        SnapshotPart.TargetInfo when _spanMetrics?.TargetInfo is { } targetInfo => (targetInfo.Table, targetInfo.KeyOf),
        SnapshotPart.ServiceGraphs when _serviceGraphs is { } serviceGraphs => (serviceGraphs.Table, serviceGraphs.KeyOf),
        SnapshotPart.HostInfo when _hostInfo is { } hostInfo => (hostInfo.Table, hostInfo.KeyOf),
        _ => null,
    };

    // Names do not change the label sets of the service graph; they are included so that the sum can be compared with all entities.
    private void ReportSanitizedDemand(SpanNameSanitizer spanNames, long nowMs)
    {
        spanNames.Begin(nowMs, _registry.StaleMs);
        _counters.SanitizedDemand(spanNames.EstimateDemand() + (_serviceGraphs?.Table.Entities.Length ?? 0));
    }

    private void ReplaceSpanMetrics()
    {
        var former = _spanNames;
        _spanNames = !_settings.SpanMetricsEnabled || _settings.SpanNameSanitization == SpanNameSanitization.Off ? null : former ?? new SpanNameSanitizer();
        if (_settings.SpanMetricsEnabled)
        {
            _spanMetrics = new SpanMetricsProcessor(_settings, _registry, _counters, _spanNames, _spanMetrics);
            if (former is null)
                _spanMetrics.LearnSpanNames();
        }
        else
        {
            _spanMetrics?.Remove();
            _spanMetrics = null;
        }

        if (former is not null && _spanNames is null)
            _counters.SanitizedDemand(0);

        _counters.ActiveProcessor(GeneratorCounters.SpanMetrics, _spanMetrics is not null);
    }

    private void ReplaceServiceGraphs()
    {
        if (_settings.ServiceGraphsEnabled)
        {
            _serviceGraphs = new ServiceGraphsProcessor(_settings, _registry, _counters, _serviceGraphs);
        }
        else
        {
            _serviceGraphs?.Remove();
            _serviceGraphs = null;
        }

        _counters.ActiveProcessor(GeneratorCounters.ServiceGraphs, _serviceGraphs is not null);
    }

    private void ReplaceHostInfo()
    {
        if (_settings.HostInfoEnabled && _registry.HasInfoMetrics)
        {
            _hostInfo = new HostInfoProcessor(_settings.HostInfo, _registry, _counters, _hostInfo);
        }
        else
        {
            _hostInfo?.Remove();
            _hostInfo = null;
        }

        _counters.ActiveProcessor(GeneratorCounters.HostInfo, _settings.HostInfoEnabled);
    }
}
