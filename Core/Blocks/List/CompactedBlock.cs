using OrleansTempo.Core.Blocks.Format;

namespace OrleansTempo.Core.Blocks.List;

/// <summary>A block's <c>meta.compacted.json</c>: its spans are in another block or have expired, and its objects are deleted some time later.</summary>
/// <param name="Meta">What its <c>meta.json</c> said.</param>
/// <param name="CompactedAt">When it was marked.</param>
/// <param name="MergedInto">The block that has its spans; null where they expired.</param>
public sealed record CompactedBlock(BlockMeta Meta, DateTimeOffset CompactedAt, Guid? MergedInto);
