using OrleansTempo.Core.Configuration.Compactor;
using OrleansTempo.Server.Configuration.Reading;

namespace OrleansTempo.Server.Configuration.Sections;

/// <summary>
/// <c>compactor</c>; in Tempo 3 its work is split between <c>backend_scheduler</c> and <c>backend_worker</c>, each with the same
/// settings of compaction.
/// </summary>
internal static class CompactorReader
{
    private const string Compaction = "compaction.";

    public static CompactorOptions Read(MappingReader compactor, MappingReader scheduler, MappingReader worker, TimeSpan blocklistPoll)
    {
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

        var options = OptionReader.Options(new CompactorOptions(), option => option.Key.StartsWith(Compaction, StringComparison.Ordinal)
            ? Each(option.Key[Compaction.Length..])
            : new Places((compactor, option.Key)));
        foreach (var block in (ReadOnlySpan<MappingReader>)[compactor, scheduler, provider, compactionProvider, worker, .. blocks])
            block.Done();

        if (options.CompactedBlockRetention < blocklistPoll)
            Each("compacted_block_retention").Warn($"{GoDuration.Format(options.CompactedBlockRetention)} is shorter than storage.trace.blocklist_poll {GoDuration.Format(blocklistPoll)}: a query may miss a block that is deleted before its successor is listed");
        return options;

        Places Each(string key) => new([.. blocks.Select(block => (block, key))]);
    }
}
