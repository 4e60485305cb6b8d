using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace OrleansTempo.Core;

/// <summary>
/// The service's own metrics, one instance per process, under Tempo's names so that existing dashboards and alerts work.
/// Instruments are named exactly as they appear on <c>/metrics</c>; every one takes a <c>tenant</c> tag unless its comment says otherwise.
/// </summary>
public sealed class TempoMetrics : IDisposable
{
    public const string MeterName = "OrleansTempo";

    /// <summary>The label <c>method</c> of calls, whether they come over gRPC or go from one component to another.</summary>
    public const string CallMethod = "gRPC";

    // Those of Tempo's server, of Prometheus' clients, and of Tempo's flushes; as are the others below.
    private static readonly double[] s_requestSeconds = [.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 25, 50, 100];
    private static readonly double[] s_usualSeconds = [.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10];
    private static readonly double[] s_flushSeconds = [.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30];
    private static readonly double[] s_flushBytes = [.. Enumerable.Range(20, 10).Select(static power => Math.Pow(2, power))];
    private static readonly double[] s_retentionSeconds = [.25, .5, 1, 2, 4, 8];
    private static readonly double[] s_backendSeconds = [.005, .02, .08, .32, 1.28, 5.12];

    public TempoMetrics()
    {
        Meter = new Meter(MeterName);
        Meter.CreateObservableGauge("tempo_build_info", static () => new Measurement<long>(1, BuildInformation.Labels), null, "1, labelled with what this program was built from and runs on");
        RequestDuration = new("tempo_request_duration_seconds", "Seconds that requests took, and calls from one component to another, by method, route, status_code and ws", static request => request.ToString(), s_requestSeconds);
        ReceiverAccepted = new(Meter, "tempo_receiver_accepted_spans", "Spans that a receiver took, by receiver and transport", static receiver => [new("receiver", receiver.Name), new("transport", receiver.Transport)]);
        ReceiverRefused = new(Meter, "tempo_receiver_refused_spans", "Spans that a receiver could not take, by receiver and transport", static receiver => [new("receiver", receiver.Name), new("transport", receiver.Transport)]);
        PushDuration = Histogram("tempo_distributor_push_duration_seconds", s_usualSeconds, "Seconds from a request that was received to what is to be answered");
        SpansInFuture = new("tempo_spans_distance_in_future_seconds", "Seconds from when a span came to its end, of spans that end later, by tenant", LabelsOf, 300, 1800, 3600);
        SpansInPast = new("tempo_spans_distance_in_past_seconds", "Seconds from a span's end to when it came, by tenant", LabelsOf, 300, 1800, 3600);
        Warnings = Counter("tempo_warnings_total", "What is odd about traces, by tenant and reason");
        SpansReceived = new(Meter, "tempo_distributor_spans_received_total", "Spans received, by tenant", TagsOf);
        BytesReceived = new(Meter, "tempo_distributor_bytes_received_total", "Bytes of OTLP protobuf received, by tenant", TagsOf);
        DiscardedSpans = Counter("tempo_discarded_spans_total", "Spans refused, by reason and tenant");
        AttributesTruncated = Counter("tempo_distributor_attributes_truncated_total", "Attribute keys or values cut at max_attribute_bytes, by tenant and scope");
        ForwarderPushes = new(Meter, "tempo_distributor_forwarder_pushes_total", "Batches offered to the metrics-generator's queue, by tenant", TagsOf);
        ForwarderPushFailures = Counter("tempo_distributor_forwarder_pushes_failures_total", "Batches that the metrics-generator did not get, its queue being full or it not to be reached, by tenant");
        ForwarderSpansDropped = Counter("tempo_distributor_forwarder_spans_dropped_total", "Spans that the metrics-generator did not get, or of which it is not known, by tenant");
        QueueLength = Gauge("tempo_distributor_queue_length", "Requests that wait for the metrics-generator, by tenant and name");
        GeneratorPushes = Counter("tempo_distributor_metrics_generator_pushes_total", "Calls of the metrics-generator that carry spans, without tenant");
        GeneratorPushFailures = Counter("tempo_distributor_metrics_generator_pushes_failures_total", "Calls of the metrics-generator that failed, without tenant");
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
        IngesterBytesReceived = new(Meter, "tempo_ingester_bytes_received_total", "Bytes of spans received, by tenant and data_type", static tenant => [.. TagsOf(tenant), new("data_type", "trace")]);
        TracesCreated = Counter("tempo_ingester_traces_created_total", "Traces begun, by tenant");
        BlocksFlushed = Counter("tempo_ingester_blocks_flushed_total", "Blocks written, by tenant");
        FlushedBytes = Counter("tempo_ingester_flushed_bytes_total", "Bytes of blocks written, by tenant");
        FailedFlushes = Counter("tempo_ingester_failed_flushes_total", "Blocks that could not be written and are tried again, by tenant");
        FlushRetries = Counter("tempo_ingester_flush_retries_total", "Times a block was tried again that could not be written, by tenant");
        FlushFailedRetries = Counter("tempo_ingester_flush_failed_retries_total", "Those of these times that it could not be written again, by tenant");
        FlushQueueLength = Gauge("tempo_ingester_flush_queue_length", "Blocks that wait to be written or are being written, without tenant");
        FlushDuration = Histogram("tempo_ingester_flush_duration_seconds", s_flushSeconds, "How long a block took to write, by tenant");
        FlushSize = Histogram("tempo_ingester_flush_size_bytes", s_flushBytes, "Sizes of blocks written, by tenant");
        LiveStoreReady = Gauge("tempo_live_store_ready", "1 where live traces can be asked for, without tenant");
        CatchUpDuration = Meter.CreateGauge<double>("tempo_live_store_catch_up_duration_seconds", null, "Seconds that the last replay of the write-ahead log took, without tenant");
        BlocksCut = Counter("tempo_live_store_blocks_cut_total", "Blocks cut of live traces, by reason");

        // The write-ahead log is the process's: without tenant.
        WalCommits = Counter("tempo_ingester_wal_commits_total", "Commits of the write-ahead log, each of one or many requests");
        WalBytesWritten = Counter("tempo_ingester_wal_bytes_written_total", "Bytes written to the write-ahead log");
        WalWriteFailures = Counter("tempo_ingester_wal_write_failures_total", "Commits, flushes and new segments of the write-ahead log that failed");
        WalSegments = Gauge("tempo_ingester_wal_segments", "Segments of the write-ahead log");
        ReplayErrors = Counter("tempo_ingester_replay_errors_total", "What replay could not read of the write-ahead log, by reason");

        BlocklistLength = Gauge("tempodb_blocklist_length", "Blocks that queries read, by tenant");
        BlocklistPollErrors = Counter("tempodb_blocklist_poll_errors_total", "Times the blocks of a tenant could not be listed, by tenant");
        BlocklistPollDuration = Histogram("tempodb_blocklist_poll_duration_seconds", s_usualSeconds, "Seconds that listing all blocks took");
        BlocksSetAside = Counter("tempodb_blocks_set_aside_total", "Blocks found corrupt and not read any more, by tenant");
        BlocksWithoutMeta = Counter("tempodb_blocks_without_meta_total", "Blocks whose data is there and whose meta.json is not, by tenant");
        CompactionBlocks = Counter("tempodb_compaction_blocks_total", "Blocks merged, by level");
        CompactionObjectsCombined = Counter("tempodb_compaction_objects_combined_total", "Traces that became one with a trace of another block, by level");
        CompactionObjectsWritten = Counter("tempodb_compaction_objects_written_total", "Traces written to merged blocks, by level");
        CompactionBytesWritten = Counter("tempodb_compaction_bytes_written_total", "Bytes written to merged blocks, by level");
        CompactionErrors = Counter("tempodb_compaction_errors_total", "Times compaction of a tenant ended early");
        CompactionOutstandingBlocks = Gauge("tempodb_compaction_outstanding_blocks", "Blocks waiting to be merged, by tenant");
        RetentionMarked = Counter("tempodb_retention_marked_for_deletion_total", "Blocks marked because they have expired");
        RetentionDeleted = Counter("tempodb_retention_deleted_total", "Blocks deleted");
        RetentionErrors = Counter("tempodb_retention_errors_total", "Times retention of a tenant ended early");
        RetentionDuration = Histogram("tempodb_retention_duration_seconds", s_retentionSeconds, "Seconds that marking and deleting the blocks of all tenants took");
        BackendRequestDuration = Histogram("tempodb_backend_request_duration_seconds", s_backendSeconds, "Seconds that requests to the object store took, by operation and status_code");
        QueryFrontendQueries = Counter("tempo_query_frontend_queries_total", "Queries, by tenant (none for one that is not known), op and result");
    }

    public Meter Meter { get; }

    /// <summary>By <c>method</c>, <c>route</c>, <c>status_code</c> and <c>ws</c>; see <see cref="RecordRequest"/>.</summary>
    public LabelledHistogram<MeasuredRequest> RequestDuration { get; }

    /// <summary>By <c>receiver</c> and <c>transport</c>, as is the one that follows.</summary>
    public LabelledCounter<MeasuredReceiver> ReceiverAccepted { get; }
    public LabelledCounter<MeasuredReceiver> ReceiverRefused { get; }

    /// <summary>Without tags.</summary>
    public Histogram<double> PushDuration { get; }
    public LabelledHistogram<TenantId> SpansInFuture { get; }
    public LabelledHistogram<TenantId> SpansInPast { get; }
    public Counter<long> Warnings { get; }

    public LabelledCounter<TenantId> SpansReceived { get; }
    public LabelledCounter<TenantId> BytesReceived { get; }
    public Counter<long> DiscardedSpans { get; }
    public Counter<long> AttributesTruncated { get; }
    public LabelledCounter<TenantId> ForwarderPushes { get; }
    public Counter<long> ForwarderPushFailures { get; }
    public Counter<long> ForwarderSpansDropped { get; }
    public Gauge<long> QueueLength { get; }

    /// <summary>Without tags, as is the one that follows.</summary>
    public Counter<long> GeneratorPushes { get; }
    public Counter<long> GeneratorPushFailures { get; }
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
    public Counter<long> BlocksWithoutMeta { get; }

    /// <summary>By <c>level</c>, the highest of the merged blocks', instead of tenant, as are the three that follow.</summary>
    public Counter<long> CompactionBlocks { get; }
    public Counter<long> CompactionObjectsCombined { get; }
    public Counter<long> CompactionObjectsWritten { get; }
    public Counter<long> CompactionBytesWritten { get; }

    /// <summary>Without tags.</summary>
    public Counter<long> CompactionErrors { get; }
    public Gauge<long> CompactionOutstandingBlocks { get; }

    /// <summary>Without tags.</summary>
    public Counter<long> RetentionMarked { get; }

    /// <summary>Without tags.</summary>
    public Counter<long> RetentionDeleted { get; }

    /// <summary>Without tags, as is the one that follows.</summary>
    public Counter<long> RetentionErrors { get; }
    public Histogram<double> RetentionDuration { get; }

    /// <summary>By <c>operation</c> and <c>status_code</c>.</summary>
    public Histogram<double> BackendRequestDuration { get; }
    public Counter<long> QueryFrontendQueries { get; }

    public Gauge<long> LiveTraces { get; }
    public Gauge<long> LiveTraceBytes { get; }
    public LabelledCounter<TenantId> IngesterBytesReceived { get; }
    public Counter<long> TracesCreated { get; }
    public Counter<long> BlocksFlushed { get; }
    public Counter<long> FlushedBytes { get; }
    public Counter<long> FailedFlushes { get; }
    public Counter<long> FlushRetries { get; }
    public Counter<long> FlushFailedRetries { get; }

    /// <summary>Without tags, as are the two that follow.</summary>
    public Gauge<long> FlushQueueLength { get; }
    public Gauge<long> LiveStoreReady { get; }
    public Gauge<double> CatchUpDuration { get; }
    public Histogram<double> FlushDuration { get; }
    public Histogram<double> FlushSize { get; }

    /// <summary>By <c>reason</c>, without tenant.</summary>
    public Counter<long> BlocksCut { get; }

    public Counter<long> WalCommits { get; }
    public Counter<long> WalBytesWritten { get; }
    public Counter<long> WalWriteFailures { get; }
    public Gauge<long> WalSegments { get; }
    public Counter<long> ReplayErrors { get; }

    /// <summary>
    /// Counts 0 of what has no tag and alerts look at: a counter that first appears with its first failure has not increased for Prometheus.
    /// Those by tenant are counted 0 where the tenant comes up. Call it when there is someone who listens.
    /// </summary>
    public void CountFromZero()
    {
        ReadOnlySpan<Counter<long>> counters =
            [CompactionErrors, RetentionErrors, RetentionMarked, RetentionDeleted, WalWriteFailures, GeneratorPushes, GeneratorPushFailures];
        foreach (var counter in counters)
            counter.Add(0);
        BlocklistPollErrors.Add(0, new KeyValuePair<string, object?>("tenant", ""));
    }

    /// <summary>Records a request, as Tempo's server labels it.</summary>
    /// <param name="method">The HTTP method, or <see cref="CallMethod"/>.</param>
    /// <param name="route">A route's path in small letters, with <c>_</c> for all that is neither letter nor digit; or a call's full name. Never what a client can choose.</param>
    /// <param name="statusCode">An HTTP status; of calls between components <c>success</c> or <c>error</c>.</param>
    /// <param name="duration">How long it took.</param>
    public void RecordRequest(string method, string route, string statusCode, TimeSpan duration) =>
        RequestDuration.Record(new(method, route, statusCode), duration.TotalSeconds);

    /// <summary>Records a call from one component to another.</summary>
    /// <param name="route">The name of Tempo's gRPC method that does the same.</param>
    /// <param name="succeeded">Whether it did what it was asked for.</param>
    /// <param name="duration">How long it took.</param>
    public void RecordCall(string route, bool succeeded, TimeSpan duration) => RecordRequest(CallMethod, route, succeeded ? "success" : "error", duration);

    public void Dispose() => Meter.Dispose();

    private static string LabelsOf(TenantId tenant) => $"tenant=\"{tenant}\"";

    private static KeyValuePair<string, object?>[] TagsOf(TenantId tenant) => [new("tenant", tenant.Value)];

    private Counter<long> Counter(string name, string description) => Meter.CreateCounter<long>(name, null, description);

    private Gauge<long> Gauge(string name, string description) => Meter.CreateGauge<long>(name, null, description);

    private Histogram<double> Histogram(string name, double[] bounds, string description) =>
        Meter.CreateHistogram(name, null, description, null, new InstrumentAdvice<double> { HistogramBucketBoundaries = bounds });
}

/// <summary>The labels of <c>tempo_request_duration_seconds</c>, whose values are as <see cref="TempoMetrics.RecordRequest"/> has them.</summary>
public readonly record struct MeasuredRequest(string Method, string Route, string StatusCode)
{
    // Nothing here speaks WebSocket.
    public override string ToString() => $"method=\"{Method}\",route=\"{Route}\",status_code=\"{StatusCode}\",ws=\"false\"";
}

/// <summary>The labels of <c>tempo_receiver_accepted_spans</c> and <c>tempo_receiver_refused_spans</c>.</summary>
public readonly record struct MeasuredReceiver(string Name, string Transport);
