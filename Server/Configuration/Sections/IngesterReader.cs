using OrleansTempo.Core.Configuration.Ingester;
using OrleansTempo.Server.Configuration.Reading;

namespace OrleansTempo.Server.Configuration.Sections;

/// <summary><c>ingester</c>, and <c>live_store</c>: what does its work in Tempo 3, with the same settings under partly other names.</summary>
internal static class IngesterReader
{
    private const string MaxBlockBytes = "max_block_bytes";
    private const string CompleteBlockTimeout = "complete_block_timeout";

    // What live_store calls what the ingester has; the other options are the ingester's alone.
    private static readonly Dictionary<string, string> s_inLiveStore = new()
    {
        ["trace_idle_period"] = "max_trace_idle",
        ["trace_live_period"] = "max_trace_live",
        ["flush_check_period"] = "flush_check_period",
        [MaxBlockBytes] = MaxBlockBytes,
        ["max_block_duration"] = "max_block_duration",
        [CompleteBlockTimeout] = CompleteBlockTimeout,
    };

    public static IngesterOptions Read(MappingReader ingester, MappingReader liveStore, TimeSpan blocklistPoll)
    {
        ingester.Unused(TempoFileReader.NotUsed, "lifecycler", "partition_ring", "concurrent_flushes", "flush_op_timeout", "override_ring_key", "flush_object_storage");
        liveStore.Unused(
            TempoFileReader.NotUsed,
            "ring", "partition_ring", "metrics", "commit_interval", "query_block_concurrency", "complete_block_concurrency", "block_reclaim_grace",
            "block_config", "shutdown_marker_dir", "flush_op_timeout", "readiness_target_lag", "readiness_max_wait", "fail_on_high_lag",
            "remove_owner_on_shutdown");
        liveStore.Unused("known to Tempo, not used here: the write-ahead log is that of storage.trace.wal", "wal");
        liveStore.Unused("known to Tempo, not used here: ingester.max_memory_bytes is the limit of all that is in memory", "max_live_traces_bytes");

        var options = OptionReader.Options(new IngesterOptions(), option => PlacesOf(option.Key));
        ingester.Done();
        liveStore.Done();

        // Tempo's own default is 500 MB, for one block of a tenant; a file that repeats it is not wrong.
        if (options.MaxBlockBytes > options.MaxMemoryBytes / options.Partitions)
            PlacesOf(MaxBlockBytes).Warn($"{options.MaxBlockBytes} in each of {options.Partitions} partitions is more than max_memory_bytes {options.MaxMemoryBytes}: blocks are cut before they are that large");
        if (options.CompleteBlockTimeout < blocklistPoll)
            PlacesOf(CompleteBlockTimeout).Warn($"{GoDuration.Format(options.CompleteBlockTimeout)} is shorter than storage.trace.blocklist_poll {GoDuration.Format(blocklistPoll)}: a flushed block may leave its ingester before it is listed");
        return options;

        Places PlacesOf(string key) => s_inLiveStore.TryGetValue(key, out var other) ? new Places((ingester, key), (liveStore, other)) : new Places((ingester, key));
    }
}
