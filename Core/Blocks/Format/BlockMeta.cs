namespace OrleansTempo.Core.Blocks.Format;

/// <summary>
/// A block's <c>meta.json</c>: what is known about it without opening it. It is written last, so a block that has one is complete; see
/// <c>docs/block-format.md</c>.
/// </summary>
public sealed record BlockMeta
{
    /// <summary>The version of the format that this program writes, and the newest it reads.</summary>
    public const int CurrentFormatVersion = 1;

    public int FormatVersion { get; init; } = CurrentFormatVersion;

    public required Guid BlockId { get; init; }

    public required TenantId Tenant { get; init; }

    /// <summary>The earliest start of any span in the block.</summary>
    public required DateTimeOffset StartTime { get; init; }

    /// <summary>The latest end of any span in the block.</summary>
    public required DateTimeOffset EndTime { get; init; }

    /// <summary>The number of traces in the block; a trace whose spans arrived too far apart may be in other blocks too.</summary>
    public required long Traces { get; init; }

    public required long Spans { get; init; }

    /// <summary>The length of its <c>data</c> object in bytes.</summary>
    public required long SizeBytes { get; init; }

    /// <summary>Where in <c>data</c> the footer (bloom filter and page index) begins; it ends at <see cref="SizeBytes"/>.</summary>
    public required long FooterOffset { get; init; }

    /// <summary>0 for a block cut by an ingester; for one made by compaction, one more than the highest of its inputs.</summary>
    public int CompactionLevel { get; init; }

    /// <summary>
    /// When the last of its spans had been received, by our own clock; retention and compaction windows go by it. The spans' own times come from
    /// clients, whose clocks may be years off.
    /// </summary>
    public required DateTimeOffset ReceivedUntil { get; init; }

    /// <summary>When the block was completed.</summary>
    public required DateTimeOffset CreatedAt { get; init; }
}
