namespace OrleansTempo.Core.Configuration.Ingester;

/// <summary><c>ingester</c>: how long traces are live, and when blocks are cut.</summary>
public sealed record IngesterOptions
{
    /// <summary>A block smaller than this, in bytes, would hold a few traces.</summary>
    public const long MinBlockBytes = 64 << 10;

    /// <summary>Into how many partitions a tenant's trace IDs are split, each with live traces and blocks of its own.</summary>
    [Option(Min = 1, Max = 1024)]
    public int Partitions { get; init; } = 8;

    /// <summary>A trace that got no span for this long is complete.</summary>
    [Option(AtLeast = "1ms", AtMost = OptionAttribute.LongestWait)]
    public TimeSpan TraceIdlePeriod { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A trace that began this long ago is cut, whether spans still come or not.</summary>
    [Option(AtLeast = "1ms", AtMost = OptionAttribute.LongestWait)]
    public TimeSpan TraceLivePeriod { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How often idle traces and full blocks are looked for.</summary>
    [Option(AtLeast = "10ms", AtMost = OptionAttribute.LongestWait)]
    public TimeSpan FlushCheckPeriod { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>A partition's block is cut when its spans take this many bytes of memory.</summary>
    [Option(Min = MinBlockBytes)]
    public long MaxBlockBytes { get; init; } = 24 << 20;

    /// <summary>A partition's block is cut when its first trace was cut this long ago.</summary>
    [Option(AtLeast = "1ms", AtMost = OptionAttribute.LongestWait)]
    public TimeSpan MaxBlockDuration { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>How long a flushed block is still served by its ingester at the least, so that every querier has listed it meanwhile.</summary>
    [Option(AtLeast = "1ms", AtMost = OptionAttribute.LongestWait)]
    public TimeSpan CompleteBlockTimeout { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>What all live traces and blocks not yet flushed may hold, in bytes. Near it blocks are cut early and pushes slowed; at it they are refused, to come again later.</summary>
    [Option(Min = 32 << 20)]
    public long MaxMemoryBytes { get; init; } = 384 << 20;

    /// <summary>Whether a stop in order waits until all is in blocks; otherwise the next start replays the write-ahead log.</summary>
    public bool FlushAllOnShutdown { get; init; }
}
