using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace OrleansTempo.Core;

/// <summary>
/// The service's own metrics, one instance per process, under Tempo's names so that existing dashboards and alerts work. Instruments are
/// named exactly as they appear on <c>/metrics</c>; each takes a <c>tenant</c> tag unless its comment says otherwise.
/// </summary>
public sealed class TempoMetrics : IDisposable
{
    public const string MeterName = "OrleansTempo";

    /// <summary>The value of the label <c>method</c> for calls, both over gRPC and between components.</summary>
    public const string CallMethod = "gRPC";

    // The buckets of Tempo's server, of Prometheus' client libraries, and of Tempo's flushes; the ones below are Tempo's as well.
    private static readonly double[] s_requestSeconds = [.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 25, 50, 100];
    private static readonly double[] s_usualSeconds = [.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10];
    private static readonly double[] s_flushSeconds = [.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30];
    private static readonly double[] s_flushBytes = [.. Enumerable.Range(20, 10).Select(static power => Math.Pow(2, power))];
    private static readonly double[] s_retentionSeconds = [.25, .5, 1, 2, 4, 8];
    private static readonly double[] s_backendSeconds = [.005, .02, .08, .32, 1.28, 5.12];

    public TempoMetrics()
    {
        Meter = new Meter(MeterName);
        Meter.CreateObservableGauge("tempo_build_info", static () => new Measurement<long>(1, BuildInformation.Labels), null, "Build information, always 1: what this program was built from and what it runs on");
        RequestDuration = new("tempo_request_duration_seconds", "Duration of requests, and of calls between components, in seconds, by method, route, status_code and ws", static request => request.ToString(), s_requestSeconds);
        ReceiverAccepted = new(Meter, "tempo_receiver_accepted_spans", "Spans accepted by a receiver, by receiver and transport", static receiver => [new("receiver", receiver.Name), new("transport", receiver.Transport)]);
        ReceiverRefused = new(Meter, "tempo_receiver_refused_spans", "Spans refused by a receiver, by receiver and transport", static receiver => [new("receiver", receiver.Name), new("transport", receiver.Transport)]);
        PushDuration = Histogram("tempo_distributor_push_duration_seconds", s_usualSeconds, "Duration of pushes in seconds, from the request being received to its answer being known");
        SpansInFuture = new("tempo_spans_distance_in_future_seconds", "Seconds between a span's arrival and its end, for spans that end in the future, by tenant", LabelsOf, 300, 1800, 3600);
        SpansInPast = new("tempo_spans_distance_in_past_seconds", "Seconds between a span's end and its arrival, by tenant", LabelsOf, 300, 1800, 3600);
        Warnings = Counter("tempo_warnings_total", "Oddities found in traces, by tenant and reason");
        SpansReceived = new(Meter, "tempo_distributor_spans_received_total", "Spans received, by tenant", TagsOf);
        BytesReceived = new(Meter, "tempo_distributor_bytes_received_total", "Bytes of OTLP protobuf received, by tenant", TagsOf);
        DiscardedSpans = Counter("tempo_discarded_spans_total", "Spans refused, by reason and tenant");
        AttributesTruncated = Counter("tempo_distributor_attributes_truncated_total", "Attribute keys or values cut at max_attribute_bytes, by tenant and scope");
        ForwarderPushes = new(Meter, "tempo_distributor_forwarder_pushes_total", "Batches offered to the metrics-generator's queue, by tenant", TagsOf);
        ForwarderPushFailures = Counter("tempo_distributor_forwarder_pushes_failures_total", "Batches that the metrics-generator did not get because its queue was full or it could not be reached, by tenant");
        ForwarderSpansDropped = Counter("tempo_distributor_forwarder_spans_dropped_total", "Spans that were not handed to the metrics-generator, by tenant");
        QueueLength = Gauge("tempo_distributor_queue_length", "Requests waiting for the metrics-generator, by tenant and name");
        GeneratorPushes = Counter("tempo_distributor_metrics_generator_pushes_total", "Calls to the metrics-generator that carry spans, without tenant");
        GeneratorPushFailures = Counter("tempo_distributor_metrics_generator_pushes_failures_total", "Failed calls to the metrics-generator, without tenant");
        GrainCalls = Counter("tempo_distributor_grain_calls_total", "Calls to grains that carry spans, by grain, without tenant");
        GeneratorSpansReceived = Counter("tempo_metrics_generator_spans_received_total", "Spans taken from the queue by the metrics-generator, by tenant");
        GeneratorSpansLost = Counter("tempo_metrics_generator_spans_lost_max_total", "Upper bound of the spans that are missing from the metrics because a metrics-generator or a silo ended without notice, by tenant");
        GeneratorBytesReceived = Counter("tempo_metrics_generator_bytes_received_total", "Bytes of OTLP protobuf taken from the queue by the metrics-generator, by tenant");
        GeneratorSpansDiscarded = Counter("tempo_metrics_generator_spans_discarded_total", "Spans skipped by a processor, by tenant, reason and processor");
        ActiveProcessors = Gauge("tempo_metrics_generator_active_processors", "Active processors, 1 for each, by tenant and processor");
        ActiveSeries = Gauge("tempo_metrics_generator_registry_active_series", "Active series, by tenant");
        MaxActiveSeries = Gauge("tempo_metrics_generator_registry_max_active_series", "Maximum number of active series, 0 for no limit, by tenant");
        SeriesAdded = Counter("tempo_metrics_generator_registry_series_added_total", "Series added, by tenant");
        SeriesRemoved = Counter("tempo_metrics_generator_registry_series_removed_total", "Series removed because they were stale, by tenant");
        SeriesLimited = Counter("tempo_metrics_generator_registry_series_limited_total", "Series not added because of max_active_series, by tenant");
        SeriesDemand = Gauge("tempo_metrics_generator_registry_active_series_demand_estimate", "Estimated number of active series without the limit, by tenant");
        ActiveEntities = Gauge("tempo_metrics_generator_registry_active_entities", "Active entities, by tenant");
        MaxActiveEntities = Gauge("tempo_metrics_generator_registry_max_active_entities", "Maximum number of active entities, 0 for no limit, by tenant");
        EntitiesAdded = Counter("tempo_metrics_generator_registry_entities_added_total", "Entities added, by tenant");
        EntitiesRemoved = Counter("tempo_metrics_generator_registry_entities_removed_total", "Entities removed because they were stale, by tenant");
        EntitiesLimited = Counter("tempo_metrics_generator_registry_entities_limited_total", "Entities not added because of max_active_entities, by tenant");
        EntityDemand = Gauge("tempo_metrics_generator_registry_entity_demand_estimate", "Estimated number of active entities without the limit, by tenant");
        LabelValuesLimited = Counter("tempo_metrics_generator_registry_label_values_limited_total", "Label values replaced because of max_cardinality_per_label, by tenant and label_name");
        LabelCardinalityDemand = Gauge("tempo_metrics_generator_registry_label_cardinality_demand_estimate", "Estimated number of distinct values of a label, by tenant and label_name");
        Collections = Counter("tempo_metrics_generator_registry_collections_total", "Collections, by tenant");
        CollectionsFailed = Counter("tempo_metrics_generator_registry_collections_failed_total", "Failed collections, by tenant");
        SpansSanitized = Counter("tempo_metrics_generator_registry_spans_sanitized_total", "Spans whose name span_name_sanitization replaced, or would replace in a dry run, by tenant");
        SanitizedDemand = Gauge("tempo_metrics_generator_registry_post_sanitization_demand_estimate", "Estimated number of label sets with sanitized span names, by tenant");
        SpanNameTemplatesDetected = Counter("tempo_metrics_generator_registry_drain_patterns_detected_total", "Patterns of span names detected, by tenant");
        SpanNameTemplatesEvicted = Counter("tempo_metrics_generator_registry_drain_patterns_evicted_total", "Patterns of span names evicted because there were too many, by tenant");
        SpanNameTemplatesExpired = Counter("tempo_metrics_generator_registry_drain_patterns_expired_total", "Patterns of span names expired because no such name came any more, by tenant");
        SpanNamesSkipped = Counter("tempo_metrics_generator_registry_drain_lines_skipped_total", "Spans whose name is too short or too long for a pattern, by tenant and reason");
        GeneratorValuesIgnored = Counter("tempo_metrics_generator_ignored_values_total", "Numbers ignored because they would have corrupted a series, by tenant, reason and processor");
        DedupeForgotten = Counter("tempo_metrics_generator_dedupe_spans_forgotten_total", "Spans forgotten before dedupe_window ended because there were more than dedupe_max_spans, by tenant");
        SnapshotsRestored = Counter("tempo_metrics_generator_snapshots_restored_total", "Starts of a metrics-generator that restored the series of its predecessor, by tenant");
        SnapshotsRefused = Counter("tempo_metrics_generator_snapshots_refused_total", "Starts of a metrics-generator whose counters restarted at 0 because the snapshot was missing or not usable, by tenant");
        ClaimsLost = Counter("tempo_metrics_generator_claims_lost_total", "Claims of a metrics-generator that another process took over before it had ended, by tenant");
        SnapshotBytes = Counter("tempo_metrics_generator_snapshot_bytes_total", "Bytes of snapshots written for the next start, by tenant");
        SnapshotFailures = Counter("tempo_metrics_generator_snapshot_failures_total", "Snapshots that could not be written for the next start, by tenant");
        Edges = Counter("tempo_metrics_generator_processor_service_graphs_edges", "Edges started, by tenant");
        ExpiredEdges = Counter("tempo_metrics_generator_processor_service_graphs_expired_edges", "Edges whose other side never arrived, by tenant and unmatched_span_kind");
        DroppedSpans = Counter("tempo_metrics_generator_processor_service_graphs_dropped_spans", "Spans dropped because max_items edges were already waiting, by tenant");
        DroppedEdges = Counter("tempo_metrics_generator_processor_service_graphs_dropped_edges_total", "Edges dropped because a filter policy dropped their other side, by tenant");

        LiveTraces = Gauge("tempo_ingester_live_traces", "Live traces, by tenant");
        LiveTraceBytes = Gauge("tempo_ingester_live_trace_bytes", "Bytes held in live traces and in blocks not yet written, by tenant");
        IngesterBytesReceived = new(Meter, "tempo_ingester_bytes_received_total", "Bytes of spans received, by tenant and data_type", static tenant => [.. TagsOf(tenant), new("data_type", "trace")]);
        TracesCreated = Counter("tempo_ingester_traces_created_total", "Live traces created, by tenant");
        BlocksFlushed = Counter("tempo_ingester_blocks_flushed_total", "Blocks written, by tenant");
        FlushedBytes = Counter("tempo_ingester_flushed_bytes_total", "Bytes of blocks written, by tenant");
        FailedFlushes = Counter("tempo_ingester_failed_flushes_total", "Failed attempts to write a block, which will be retried, by tenant");
        FlushRetries = Counter("tempo_ingester_flush_retries_total", "Retries of writing a block, by tenant");
        FlushFailedRetries = Counter("tempo_ingester_flush_failed_retries_total", "Failed retries of writing a block, by tenant");
        FlushQueueLength = Gauge("tempo_ingester_flush_queue_length", "Blocks waiting to be written or being written, without tenant");
        FlushDuration = Histogram("tempo_ingester_flush_duration_seconds", s_flushSeconds, "Duration of writing a block in seconds, by tenant");
        FlushSize = Histogram("tempo_ingester_flush_size_bytes", s_flushBytes, "Size of blocks written in bytes, by tenant");
        LiveStoreReady = Gauge("tempo_live_store_ready", "Readiness of live traces for queries, 1 when ready, without tenant");
        CatchUpDuration = Meter.CreateGauge<double>("tempo_live_store_catch_up_duration_seconds", null, "Duration of the last replay of the write-ahead log in seconds, without tenant");
        BlocksCut = Counter("tempo_live_store_blocks_cut_total", "Blocks cut from live traces, by reason");

        // The write-ahead log belongs to the process, so these have no tenant.
        WalCommits = Counter("tempo_ingester_wal_commits_total", "Commits to the write-ahead log, each of one or more requests");
        WalBytesWritten = Counter("tempo_ingester_wal_bytes_written_total", "Bytes written to the write-ahead log");
        WalWriteFailures = Counter("tempo_ingester_wal_write_failures_total", "Failed commits, flushes and new segments of the write-ahead log");
        WalSegments = Gauge("tempo_ingester_wal_segments", "Segments of the write-ahead log");
        ReplayErrors = Counter("tempo_ingester_replay_errors_total", "Parts of the write-ahead log that replay could not read, by reason");

        BlocklistLength = Gauge("tempodb_blocklist_length", "Blocks known to queries, by tenant");
        BlocklistPollErrors = Counter("tempodb_blocklist_poll_errors_total", "Failed attempts to list a tenant's blocks, by tenant");
        BlocklistPollDuration = Histogram("tempodb_blocklist_poll_duration_seconds", s_usualSeconds, "Duration of listing all blocks in seconds");
        BlocksSetAside = Counter("tempodb_blocks_set_aside_total", "Corrupt blocks set aside and no longer read, by tenant");
        BlocksWithoutMeta = Counter("tempodb_blocks_without_meta_total", "Blocks with data but no meta.json, by tenant");
        CompactionBlocks = Counter("tempodb_compaction_blocks_total", "Blocks merged, by level");
        CompactionObjectsCombined = Counter("tempodb_compaction_objects_combined_total", "Traces combined with a trace of another block, by level");
        CompactionObjectsWritten = Counter("tempodb_compaction_objects_written_total", "Traces written to merged blocks, by level");
        CompactionBytesWritten = Counter("tempodb_compaction_bytes_written_total", "Bytes written to merged blocks, by level");
        CompactionErrors = Counter("tempodb_compaction_errors_total", "Compactions of a tenant that ended early");
        CompactionOutstandingBlocks = Gauge("tempodb_compaction_outstanding_blocks", "Blocks waiting to be merged, by tenant");
        RetentionMarked = Counter("tempodb_retention_marked_for_deletion_total", "Expired blocks marked for deletion");
        RetentionDeleted = Counter("tempodb_retention_deleted_total", "Blocks deleted");
        RetentionErrors = Counter("tempodb_retention_errors_total", "Runs of a tenant's retention that ended early");
        RetentionDuration = Histogram("tempodb_retention_duration_seconds", s_retentionSeconds, "Duration of marking and deleting the expired blocks of all tenants in seconds");
        BackendRequestDuration = Histogram("tempodb_backend_request_duration_seconds", s_backendSeconds, "Duration of requests to the object store in seconds, by operation and status_code");
        QueryFrontendQueries = Counter("tempo_query_frontend_queries_total", "Queries, by tenant (empty for an unknown tenant), op and result");
    }

    public Meter Meter { get; }

    /// <summary>By <c>method</c>, <c>route</c>, <c>status_code</c> and <c>ws</c>; see <see cref="RecordRequest"/>.</summary>
    public LabelledHistogram<MeasuredRequest> RequestDuration { get; }

    /// <summary>By <c>receiver</c> and <c>transport</c>, like the next one.</summary>
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

    /// <summary>Without tags, like the next one.</summary>
    public Counter<long> GeneratorPushes { get; }
    public Counter<long> GeneratorPushFailures { get; }
    public Counter<long> GrainCalls { get; }
    public Counter<long> GeneratorSpansReceived { get; }
    public Counter<long> GeneratorSpansLost { get; }
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
    public Counter<long> ClaimsLost { get; }
    public Counter<long> SnapshotBytes { get; }
    public Counter<long> SnapshotFailures { get; }
    public Counter<long> Edges { get; }
    public Counter<long> ExpiredEdges { get; }
    public Counter<long> DroppedSpans { get; }
    public Counter<long> DroppedEdges { get; }
    public Gauge<long> BlocklistLength { get; }

    /// <summary>The tenant is empty if the tenants themselves could not be listed.</summary>
    public Counter<long> BlocklistPollErrors { get; }

    /// <summary>Without tags.</summary>
    public Histogram<double> BlocklistPollDuration { get; }
    public Counter<long> BlocksSetAside { get; }
    public Counter<long> BlocksWithoutMeta { get; }

    /// <summary>By <c>level</c>, the highest level of the merged blocks, and without tenant, like the next three.</summary>
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

    /// <summary>Without tags, like the next one.</summary>
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

    /// <summary>Without tags, like the next two.</summary>
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
    /// Starts the counters without tags that alerts watch at 0: to Prometheus, a counter that first appears with its first failure has not
    /// increased. Counters by tenant start at 0 when the tenant appears. Call it when there is a listener.
    /// </summary>
    public void CountFromZero()
    {
        ReadOnlySpan<Counter<long>> counters =
            [CompactionErrors, RetentionErrors, RetentionMarked, RetentionDeleted, WalWriteFailures, GeneratorPushes, GeneratorPushFailures];
        foreach (var counter in counters)
            counter.Add(0);
        BlocklistPollErrors.Add(0, new KeyValuePair<string, object?>("tenant", ""));
    }

    /// <summary>Records a request, with the labels that Tempo's server uses.</summary>
    /// <param name="method">The HTTP method, or <see cref="CallMethod"/>.</param>
    /// <param name="route">The path of the route in lower case, with <c>_</c> for everything but letters and digits, or the full name of a call. Never a text that a client can choose.</param>
    /// <param name="statusCode">The HTTP status; for calls between components <c>success</c> or <c>error</c>.</param>
    /// <param name="duration">How long it took.</param>
    public void RecordRequest(string method, string route, string statusCode, TimeSpan duration) =>
        RequestDuration.Record(new(method, route, statusCode), duration.TotalSeconds);

    /// <summary>Records a call from one component to another.</summary>
    /// <param name="route">The name of Tempo's gRPC method for the same purpose.</param>
    /// <param name="succeeded">Whether the call succeeded.</param>
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

/// <summary>The labels of <c>tempo_request_duration_seconds</c>; see <see cref="TempoMetrics.RecordRequest"/> for their values.</summary>
public readonly record struct MeasuredRequest(string Method, string Route, string StatusCode)
{
    // This program does not speak WebSocket.
    public override string ToString() => $"method=\"{Method}\",route=\"{Route}\",status_code=\"{StatusCode}\",ws=\"false\"";
}

/// <summary>The labels of <c>tempo_receiver_accepted_spans</c> and <c>tempo_receiver_refused_spans</c>.</summary>
public readonly record struct MeasuredReceiver(string Name, string Transport);
