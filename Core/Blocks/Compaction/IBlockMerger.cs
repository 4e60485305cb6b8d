using OrleansTempo.Core.Blocks.Format;

namespace OrleansTempo.Core.Blocks.Compaction;

/// <summary>Merges several blocks into one.</summary>
public interface IBlockMerger
{
    /// <summary>
    /// Writes a complete block with all spans of <paramref name="inputs"/>, each once; its <c>meta.json</c> is put last. The inputs are not changed.
    /// </summary>
    /// <exception cref="BlockCorruptException">One of the inputs cannot be read; nothing is written.</exception>
    /// <exception cref="IOException">The store fails; what was written has no <c>meta.json</c>.</exception>
    Task<BlockMeta> MergeAsync(TenantId tenant, IReadOnlyList<BlockMeta> inputs, CancellationToken cancellationToken);
}
