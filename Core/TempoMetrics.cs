using System.Diagnostics.Metrics;

namespace OrleansTempo.Core;

/// <summary>
/// The service's own metrics, one instance per process, under Tempo's names so that existing dashboards and alerts work.
/// Instruments are named exactly as they appear on <c>/metrics</c>; every one takes a <c>tenant</c> tag unless its comment says otherwise.
/// </summary>
public sealed class TempoMetrics : IDisposable
{
    public const string MeterName = "OrleansTempo";

    public TempoMetrics()
    {
        Meter = new Meter(MeterName);
        SpansReceived = Counter("tempo_distributor_spans_received_total", "Spans received, by tenant");
        BytesReceived = Counter("tempo_distributor_bytes_received_total", "Bytes of OTLP protobuf received, by tenant");
        DiscardedSpans = Counter("tempo_discarded_spans_total", "Spans refused, by reason and tenant");
        AttributesTruncated = Counter("tempo_distributor_attributes_truncated_total", "Attribute keys or values cut at max_attribute_bytes, by tenant");
        ForwarderPushes = Counter("tempo_distributor_forwarder_pushes_total", "Batches offered to the metrics-generator's queue, by tenant");
        ForwarderPushFailures = Counter("tempo_distributor_forwarder_pushes_failures_total", "Batches that the metrics-generator did not get, its queue being full or it not to be reached, by tenant");
        ForwarderSpansDropped = Counter("tempo_distributor_forwarder_spans_dropped_total", "Spans that the metrics-generator did not get, or of which it is not known, by tenant");
        GrainCalls = Counter("tempo_distributor_grain_calls_total", "Calls of grains that carry spans, by grain, without tenant");
        GeneratorSpansReceived = Counter("tempo_metrics_generator_spans_received_total", "Spans the metrics-generator took from its queue, by tenant");
        GeneratorBytesReceived = Counter("tempo_metrics_generator_bytes_received_total", "Bytes of OTLP protobuf the metrics-generator took from its queue, by tenant");
        GeneratorSpansDiscarded = Counter("tempo_metrics_generator_spans_discarded_total", "Spans a processor left out, by tenant, reason and processor");
        ActiveProcessors = Gauge("tempo_metrics_generator_active_processors", "1 where a processor is active, by tenant and processor");
        ActiveSeries = Gauge("tempo_metrics_generator_registry_active_series", "Series held, by tenant");
        MaxActiveSeries = Gauge("tempo_metrics_generator_registry_max_active_series", "The limit of active series, 0 for none, by tenant");
        SeriesAdded = Counter("tempo_metrics_generator_registry_series_added_total", "Series added, by tenant");
        SeriesRemoved = Counter("tempo_metrics_generator_registry_series_removed_total", "Series gone stale, by tenant");
        SeriesLimited = Counter("tempo_metrics_generator_registry_series_limited_total", "Series not added for max_active_series, by tenant");
        SeriesDemand = Gauge("tempo_metrics_generator_registry_active_series_demand_estimate", "Series there would be without a limit, as estimated, by tenant");
        ActiveEntities = Gauge("tempo_metrics_generator_registry_active_entities", "Entities held, by tenant");
        MaxActiveEntities = Gauge("tempo_metrics_generator_registry_max_active_entities", "The limit of active entities, 0 for none, by tenant");
        EntitiesAdded = Counter("tempo_metrics_generator_registry_entities_added_total", "Entities added, by tenant");
        EntitiesRemoved = Counter("tempo_metrics_generator_registry_entities_removed_total", "Entities gone stale, by tenant");
        EntitiesLimited = Counter("tempo_metrics_generator_registry_entities_limited_total", "Entities not added for max_active_entities, by tenant");
        EntityDemand = Gauge("tempo_metrics_generator_registry_entity_demand_estimate", "Entities there would be without a limit, as estimated, by tenant");
        LabelValuesLimited = Counter("tempo_metrics_generator_registry_label_values_limited_total", "Label values replaced for max_cardinality_per_label, by tenant and label_name");
        LabelCardinalityDemand = Gauge("tempo_metrics_generator_registry_label_cardinality_demand_estimate", "Different values of a label, as estimated, by tenant and label_name");
        Collections = Counter("tempo_metrics_generator_registry_collections_total", "Collections, by tenant");
        CollectionsFailed = Counter("tempo_metrics_generator_registry_collections_failed_total", "Collections that failed, by tenant");
        SpansSanitized = Counter("tempo_metrics_generator_registry_spans_sanitized_total", "Spans whose name was replaced by span_name_sanitization, or would have been, by tenant");
        SanitizedDemand = Gauge("tempo_metrics_generator_registry_post_sanitization_demand_estimate", "Label sets there are or would be with sanitized span names, as estimated, by tenant");
        SpanNameTemplatesDetected = Counter("tempo_metrics_generator_registry_drain_patterns_detected_total", "Patterns of span names begun, by tenant");
        SpanNameTemplatesEvicted = Counter("tempo_metrics_generator_registry_drain_patterns_evicted_total", "Patterns of span names forgotten because there were too many, by tenant");
        SpanNameTemplatesExpired = Counter("tempo_metrics_generator_registry_drain_patterns_expired_total", "Patterns of span names forgotten because none came any more, by tenant");
        SpanNamesSkipped = Counter("tempo_metrics_generator_registry_drain_lines_skipped_total", "Spans whose name is too short or too long to have a pattern, by tenant and reason");
        GeneratorValuesIgnored = Counter("tempo_metrics_generator_ignored_values_total", "Numbers that would have spoilt a series and were ignored, by tenant, reason and processor");
        DedupeForgotten = Counter("tempo_metrics_generator_dedupe_spans_forgotten_total", "Spans that would not be known within dedupe_window any more because there were more than dedupe_max_spans, by tenant");
        SnapshotsRestored = Counter("tempo_metrics_generator_snapshots_restored_total", "Times a metrics-generator went on with the series of the one before, by tenant");
        SnapshotsRefused = Counter("tempo_metrics_generator_snapshots_refused_total", "Times counters began again at 0 because there was nothing to go on with, or it was not good, by tenant");
        SnapshotBytes = Counter("tempo_metrics_generator_snapshot_bytes_total", "Bytes of series written for the next start, by tenant");
        SnapshotFailures = Counter("tempo_metrics_generator_snapshot_failures_total", "Times series could not be written for the next start, by tenant");
        Edges = Counter("tempo_metrics_generator_processor_service_graphs_edges", "Edges begun, by tenant");
        ExpiredEdges = Counter("tempo_metrics_generator_processor_service_graphs_expired_edges", "Edges whose other side never came, by tenant and unmatched_span_kind");
        DroppedSpans = Counter("tempo_metrics_generator_processor_service_graphs_dropped_spans", "Spans left out because max_items edges were waiting, by tenant");
        DroppedEdges = Counter("tempo_metrics_generator_processor_service_graphs_dropped_edges_total", "Edges dropped because a filter policy dropped the other side, by tenant");

        LiveTraces = Gauge("tempo_ingester_live_traces", "Live traces, by tenant");
        LiveTraceBytes = Gauge("tempo_ingester_live_trace_bytes", "Bytes held in live traces and blocks not yet written, by tenant");
        TracesCreated = Counter("tempo_ingester_traces_created_total", "Traces begun, by tenant");
        BlocksFlushed = Counter("tempo_ingester_blocks_flushed_total", "Blocks written, by tenant");
        FlushedBytes = Counter("tempo_ingester_flushed_bytes_total", "Bytes of blocks written, by tenant");
        FailedFlushes = Counter("tempo_ingester_failed_flushes_total", "Blocks that could not be written and are tried again, by tenant");
        FlushDuration = Meter.CreateHistogram(
            "tempo_ingester_flush_duration_seconds",
            null,
            "How long a block took to write, by tenant",
            null,
            new InstrumentAdvice<double> { HistogramBucketBoundaries = [.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30] });

        // The write-ahead log is the process's: without tenant.
        WalCommits = Counter("tempo_ingester_wal_commits_total", "Commits of the write-ahead log, each of one or many requests");
        WalBytesWritten = Counter("tempo_ingester_wal_bytes_written_total", "Bytes written to the write-ahead log");
        WalWriteFailures = Counter("tempo_ingester_wal_write_failures_total", "Commits, flushes and new segments of the write-ahead log that failed");
        WalSegments = Gauge("tempo_ingester_wal_segments", "Segments of the write-ahead log");
        ReplayErrors = Counter("tempo_ingester_replay_errors_total", "What replay could not read of the write-ahead log, by reason");

        BlocklistLength = Gauge("tempodb_blocklist_length", "Blocks that queries read, by tenant");
        BlocklistPollErrors = Counter("tempodb_blocklist_poll_errors_total", "Times the blocks of a tenant could not be listed, by tenant");
        BlocklistPollDuration = Meter.CreateHistogram(
            "tempodb_blocklist_poll_duration_seconds",
            null,
            "Seconds that listing all blocks took",
            tags: null,
            new InstrumentAdvice<double> { HistogramBucketBoundaries = [.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10] });
        BlocksSetAside = Counter("tempodb_blocks_set_aside_total", "Blocks found corrupt and not read any more, by tenant");
        CompactionBlocks = Counter("tempodb_compaction_blocks_total", "Blocks merged, by level");
        CompactionObjectsWritten = Counter("tempodb_compaction_objects_written_total", "Traces written to merged blocks, by level");
        CompactionBytesWritten = Counter("tempodb_compaction_bytes_written_total", "Bytes written to merged blocks, by level");
        CompactionErrors = Counter("tempodb_compaction_errors_total", "Times compaction or retention of a tenant ended early");
        CompactionOutstandingBlocks = Gauge("tempodb_compaction_outstanding_blocks", "Blocks waiting to be merged, by tenant");
        RetentionMarked = Counter("tempodb_retention_marked_for_deletion_total", "Blocks marked because they have expired");
        RetentionDeleted = Counter("tempodb_retention_deleted_total", "Blocks deleted");
    }

    public Meter Meter { get; }

    public Counter<long> SpansReceived { get; }
    public Counter<long> BytesReceived { get; }
    public Counter<long> DiscardedSpans { get; }
    public Counter<long> AttributesTruncated { get; }
    public Counter<long> ForwarderPushes { get; }
    public Counter<long> ForwarderPushFailures { get; }
    public Counter<long> ForwarderSpansDropped { get; }
    public Counter<long> GrainCalls { get; }
    public Counter<long> GeneratorSpansReceived { get; }
    public Counter<long> GeneratorBytesReceived { get; }
    public Counter<long> GeneratorSpansDiscarded { get; }
    public Gauge<long> ActiveProcessors { get; }
    public Gauge<long> ActiveSeries { get; }
    public Gauge<long> MaxActiveSeries { get; }
    public Counter<long> SeriesAdded { get; }
    public Counter<long> SeriesRemoved { get; }
    public Counter<long> SeriesLimited { get; }
    public Gauge<long> SeriesDemand { get; }
    public Gauge<long> ActiveEntities { get; }
    public Gauge<long> MaxActiveEntities { get; }
    public Counter<long> EntitiesAdded { get; }
    public Counter<long> EntitiesRemoved { get; }
    public Counter<long> EntitiesLimited { get; }
    public Gauge<long> EntityDemand { get; }
    public Counter<long> LabelValuesLimited { get; }
    public Gauge<long> LabelCardinalityDemand { get; }
    public Counter<long> Collections { get; }
    public Counter<long> CollectionsFailed { get; }
    public Counter<long> SpansSanitized { get; }
    public Gauge<long> SanitizedDemand { get; }
    public Counter<long> SpanNameTemplatesDetected { get; }
    public Counter<long> SpanNameTemplatesEvicted { get; }
    public Counter<long> SpanNameTemplatesExpired { get; }
    public Counter<long> SpanNamesSkipped { get; }
    public Counter<long> GeneratorValuesIgnored { get; }
    public Counter<long> DedupeForgotten { get; }
    public Counter<long> SnapshotsRestored { get; }
    public Counter<long> SnapshotsRefused { get; }
    public Counter<long> SnapshotBytes { get; }
    public Counter<long> SnapshotFailures { get; }
    public Counter<long> Edges { get; }
    public Counter<long> ExpiredEdges { get; }
    public Counter<long> DroppedSpans { get; }
    public Counter<long> DroppedEdges { get; }
    public Gauge<long> BlocklistLength { get; }

    /// <summary>Tagged with an empty tenant where the tenants themselves could not be listed.</summary>
    public Counter<long> BlocklistPollErrors { get; }

    /// <summary>Without tags.</summary>
    public Histogram<double> BlocklistPollDuration { get; }
    public Counter<long> BlocksSetAside { get; }

    /// <summary>By <c>level</c>, the highest of the merged blocks', instead of tenant, as are the two that follow.</summary>
    public Counter<long> CompactionBlocks { get; }
    public Counter<long> CompactionObjectsWritten { get; }
    public Counter<long> CompactionBytesWritten { get; }

    /// <summary>Without tags.</summary>
    public Counter<long> CompactionErrors { get; }
    public Gauge<long> CompactionOutstandingBlocks { get; }

    /// <summary>Without tags.</summary>
    public Counter<long> RetentionMarked { get; }

    /// <summary>Without tags.</summary>
    public Counter<long> RetentionDeleted { get; }

    public Gauge<long> LiveTraces { get; }
    public Gauge<long> LiveTraceBytes { get; }
    public Counter<long> TracesCreated { get; }
    public Counter<long> BlocksFlushed { get; }
    public Counter<long> FlushedBytes { get; }
    public Counter<long> FailedFlushes { get; }
    public Histogram<double> FlushDuration { get; }

    public Counter<long> WalCommits { get; }
    public Counter<long> WalBytesWritten { get; }
    public Counter<long> WalWriteFailures { get; }
    public Gauge<long> WalSegments { get; }
    public Counter<long> ReplayErrors { get; }

    public void Dispose() => Meter.Dispose();

    private Counter<long> Counter(string name, string description) => Meter.CreateCounter<long>(name, null, description);

    private Gauge<long> Gauge(string name, string description) => Meter.CreateGauge<long>(name, null, description);
}
