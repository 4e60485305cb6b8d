using OrleansTempo.Core.Configuration.Ingester;
using OrleansTempo.Server.Configuration.Reading;

namespace OrleansTempo.Server.Configuration.Sections;

/// <summary><c>ingester</c>, and <c>live_store</c>: what does its work in Tempo 3, with the same settings under partly other names.</summary>
internal static class IngesterReader
{
    /// <summary>A block smaller than this, in bytes, would hold a few traces.</summary>
    internal const long MinBlockBytes = 64 << 10;

    private const long MinMemoryBytes = 32 << 20;
    private const int MaxPartitions = 1024;

    private static readonly TimeSpan ShortestCheck = TimeSpan.FromMilliseconds(10);

    public static IngesterOptions Read(MappingReader ingester, MappingReader liveStore, TimeSpan blocklistPoll)
    {
        var defaults = new IngesterOptions();
        ingester.Unused(TempoFileReader.NotUsed, "lifecycler", "partition_ring", "concurrent_flushes", "flush_op_timeout", "override_ring_key", "flush_object_storage");
        liveStore.Unused(
            TempoFileReader.NotUsed,
            "ring", "partition_ring", "metrics", "commit_interval", "query_block_concurrency", "complete_block_concurrency", "block_reclaim_grace",
            "block_config", "shutdown_marker_dir", "flush_op_timeout", "readiness_target_lag", "readiness_max_wait", "fail_on_high_lag",
            "remove_owner_on_shutdown");
        liveStore.Unused("known to Tempo, not used here: the write-ahead log is that of storage.trace.wal", "wal");
        liveStore.Unused("known to Tempo, not used here: ingester.max_memory_bytes is the limit of all that is in memory", "max_live_traces_bytes");

        var blockBytes = Both("max_block_bytes");
        var completeBlockTimeout = Both("complete_block_timeout");
        var options = new IngesterOptions
        {
            Partitions = ingester.Int("partitions", defaults.Partitions, 1, MaxPartitions),
            TraceIdlePeriod = new Places((ingester, "trace_idle_period"), (liveStore, "max_trace_idle")).Read(defaults.TraceIdlePeriod, Period),
            TraceLivePeriod = new Places((ingester, "trace_live_period"), (liveStore, "max_trace_live")).Read(defaults.TraceLivePeriod, Period),
            FlushCheckPeriod = Both("flush_check_period").Read(defaults.FlushCheckPeriod, static (block, key) => block.OptionalDuration(key, ShortestCheck, MappingReader.LongestWait)),
            MaxBlockBytes = blockBytes.Read(defaults.MaxBlockBytes, static (block, key) => block.OptionalLong(key, MinBlockBytes)),
            MaxBlockDuration = Both("max_block_duration").Read(defaults.MaxBlockDuration, Period),
            CompleteBlockTimeout = completeBlockTimeout.Read(defaults.CompleteBlockTimeout, Period),
            MaxMemoryBytes = ingester.Long("max_memory_bytes", defaults.MaxMemoryBytes, MinMemoryBytes),
            FlushAllOnShutdown = ingester.Bool("flush_all_on_shutdown", defaults.FlushAllOnShutdown),
        };
        ingester.Done();
        liveStore.Done();

        // Tempo's own default is 500 MB, for one block of a tenant; a file that repeats it is not wrong.
        if (options.MaxBlockBytes > options.MaxMemoryBytes / options.Partitions)
            blockBytes.Warn($"{options.MaxBlockBytes} in each of {options.Partitions} partitions is more than max_memory_bytes {options.MaxMemoryBytes}: blocks are cut before they are that large");
        if (options.CompleteBlockTimeout < blocklistPoll)
            completeBlockTimeout.Warn($"{GoDuration.Format(options.CompleteBlockTimeout)} is shorter than storage.trace.blocklist_poll {GoDuration.Format(blocklistPoll)}: a flushed block may leave its ingester before it is listed");
        return options;

        Places Both(string key) => new((ingester, key), (liveStore, key));
    }

    private static TimeSpan? Period(MappingReader block, string key) => block.OptionalDuration(key, TimeSpan.FromMilliseconds(1), MappingReader.LongestWait);
}
