using OrleansTempo.Core.Blocks.List;

namespace OrleansTempo.Core.Blocks.Format;

/// <summary>A block's bytes do not match its format. This affects that block alone, see <see cref="BlockList.SetAsideAsync"/>.</summary>
public sealed class BlockCorruptException(BlockMeta block, string reason, Exception? innerException = null)
    : Exception($"block {block.BlockId} of tenant {block.Tenant} is corrupt: {reason}", innerException)
{
    public BlockMeta Block { get; } = block;

    /// <summary>What is wrong, and where in the block.</summary>
    public string Reason { get; } = reason;
}
