using OrleansTempo.Core.Configuration.Compactor;
using OrleansTempo.Server.Configuration.Reading;

namespace OrleansTempo.Server.Configuration.Sections;

/// <summary>
/// <c>compactor</c>; in Tempo 3 its work is split between <c>backend_scheduler</c> and <c>backend_worker</c>, each with the same
/// settings of compaction.
/// </summary>
internal static class CompactorReader
{
    /// <summary>A hundred years: what is subtracted from now must be a time.</summary>
    internal static readonly TimeSpan LongestRetention = TimeSpan.FromDays(36_500);

    private static readonly TimeSpan ShortestCycle = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan ShortestWindow = TimeSpan.FromSeconds(1);

    public static CompactorOptions Read(MappingReader compactor, MappingReader scheduler, MappingReader worker, TimeSpan blocklistPoll)
    {
        var defaults = new CompactorOptions();
        var provider = scheduler.Mapping("provider");
        var compactionProvider = provider.Mapping("compaction");
        MappingReader[] blocks = [compactor.Mapping("compaction"), compactionProvider.Mapping("compaction"), worker.Mapping("compaction")];

        compactor.Unused(TempoFileReader.NotUsed, "ring", "override_ring_key");
        scheduler.Unused(
            TempoFileReader.NotUsed,
            "work", "maintenance_interval", "tenant_measurement_interval", "backend_flush_interval", "job_timeout", "local_work_path");
        provider.Unused(TempoFileReader.NotUsed, "retention", "redaction");
        compactionProvider.Unused(
            TempoFileReader.NotUsed,
            "measure_interval", "max_jobs_per_tenant", "min_input_blocks", "max_input_blocks", "max_compaction_level", "min_cycle_interval", "backoff");
        worker.Unused(TempoFileReader.NotUsed, "backend_scheduler_addr", "backoff", "override_ring_key", "ring", "finish_on_shutdown_timeout");
        foreach (var block in blocks)
            block.Unused(TempoFileReader.NotUsed, "v2_in_buffer_bytes", "v2_out_buffer_bytes", "v2_prefetch_traces_count", "retention_concurrency", "max_time_per_tenant");

        var compactedBlockRetention = Each("compacted_block_retention");
        var options = new CompactorOptions
        {
            Disabled = compactor.Bool("disabled", defaults.Disabled),
            BlockRetention = Each("block_retention").Read(defaults.BlockRetention, Retention),
            CompactedBlockRetention = compactedBlockRetention.Read(defaults.CompactedBlockRetention, Retention),
            CompactionWindow = Each("compaction_window").Read(defaults.CompactionWindow, static (block, key) => block.OptionalDuration(key, ShortestWindow, LongestRetention)),
            CompactionCycle = Each("compaction_cycle").Read(defaults.CompactionCycle, static (block, key) => block.OptionalDuration(key, ShortestCycle, MappingReader.LongestWait)),
            MaxBlockBytes = Each("max_block_bytes").Read(defaults.MaxBlockBytes, static (block, key) => block.OptionalLong(key, IngesterReader.MinBlockBytes)),
            MaxCompactionObjects = Each("max_compaction_objects").Read(defaults.MaxCompactionObjects, static (block, key) => block.OptionalLong(key, 1)),
        };
        foreach (var block in (ReadOnlySpan<MappingReader>)[compactor, scheduler, provider, compactionProvider, worker, .. blocks])
            block.Done();

        if (options.CompactedBlockRetention < blocklistPoll)
            compactedBlockRetention.Warn($"{GoDuration.Format(options.CompactedBlockRetention)} is shorter than storage.trace.blocklist_poll {GoDuration.Format(blocklistPoll)}: a query may miss a block that is deleted before its successor is listed");
        return options;

        Places Each(string key) => new([.. blocks.Select(block => (block, key))]);
    }

    private static TimeSpan? Retention(MappingReader block, string key) => block.OptionalDuration(key, TimeSpan.FromMilliseconds(1), LongestRetention);
}
