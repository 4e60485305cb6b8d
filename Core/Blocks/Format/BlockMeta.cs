namespace OrleansTempo.Core.Blocks.Format;

/// <summary>
/// A block's <c>meta.json</c>: what is known of it without opening it. It is written last, so a block with one is complete;
/// see <c>docs/block-format.md</c>.
/// </summary>
public sealed record BlockMeta
{
    /// <summary>The version of the format that this program writes, and the newest it reads.</summary>
    public const int CurrentFormatVersion = 1;

    public int FormatVersion { get; init; } = CurrentFormatVersion;

    public required Guid BlockId { get; init; }

    public required TenantId Tenant { get; init; }

    /// <summary>The earliest start of a span in it.</summary>
    public required DateTimeOffset StartTime { get; init; }

    /// <summary>The latest end of a span in it.</summary>
    public required DateTimeOffset EndTime { get; init; }

    /// <summary>Traces in it; one whose spans came too far apart may be in other blocks too.</summary>
    public required long Traces { get; init; }

    public required long Spans { get; init; }

    /// <summary>The length of its <c>data</c> object in bytes.</summary>
    public required long SizeBytes { get; init; }

    /// <summary>Where in <c>data</c> the footer (bloom filter and page index) begins; it ends at <see cref="SizeBytes"/>.</summary>
    public required long FooterOffset { get; init; }

    /// <summary>0 for a block an ingester has cut; one more than its inputs' highest for one that compaction made.</summary>
    public int CompactionLevel { get; init; }

    /// <summary>
    /// When the last of its spans had been received, by our own clock: what retention and compaction windows go by. The spans' own
    /// times are their clients', who may be years off.
    /// </summary>
    public required DateTimeOffset ReceivedUntil { get; init; }

    /// <summary>When the block was completed.</summary>
    public required DateTimeOffset CreatedAt { get; init; }
}
