using OrleansTempo.Core.Configuration.Ingester;

namespace OrleansTempo.Core.Configuration.Compactor;

/// <summary><c>compactor</c>: how blocks are merged and when they go.</summary>
public sealed record CompactorOptions
{
    /// <summary>Off: no block is ever merged or deleted by this process.</summary>
    public bool Disabled { get; init; }

    /// <summary><c>compaction.block_retention</c>: a block whose spans were all received this long ago is deleted.</summary>
    [Option(Key = "compaction.block_retention", AtLeast = "1ms", AtMost = OptionAttribute.LongestRetention)]
    public TimeSpan BlockRetention { get; init; } = TimeSpan.FromDays(14);

    /// <summary><c>compaction.compacted_block_retention</c>: how long a block that was merged or has expired stays readable for those who still list it.</summary>
    [Option(Key = "compaction.compacted_block_retention", AtLeast = "1ms", AtMost = OptionAttribute.LongestRetention)]
    public TimeSpan CompactedBlockRetention { get; init; } = TimeSpan.FromHours(1);

    /// <summary><c>compaction.compaction_window</c>: only blocks that were received within the same window are merged.</summary>
    [Option(Key = "compaction.compaction_window", AtLeast = "1s", AtMost = OptionAttribute.LongestRetention)]
    public TimeSpan CompactionWindow { get; init; } = TimeSpan.FromHours(1);

    /// <summary><c>compaction.compaction_cycle</c>: the time between two looks for work.</summary>
    [Option(Key = "compaction.compaction_cycle", AtLeast = "100ms", AtMost = OptionAttribute.LongestWait)]
    public TimeSpan CompactionCycle { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary><c>compaction.max_block_bytes</c>: no merged block is made larger than this many bytes.</summary>
    [Option(Key = "compaction.max_block_bytes", Min = IngesterOptions.MinBlockBytes)]
    public long MaxBlockBytes { get; init; } = 100L << 30;

    /// <summary><c>compaction.max_compaction_objects</c>: no merged block gets more traces than this.</summary>
    [Option(Key = "compaction.max_compaction_objects", Min = 1)]
    public long MaxCompactionObjects { get; init; } = 6_000_000;
}
