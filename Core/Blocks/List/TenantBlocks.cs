using System.Collections.Immutable;
using OrleansTempo.Core.Blocks.Format;

namespace OrleansTempo.Core.Blocks.List;

/// <summary>A tenant's blocks at one moment; immutable.</summary>
internal sealed class TenantBlocks
{
    public static readonly TenantBlocks None = new(ImmutableDictionary<Guid, BlockState>.Empty);

    public TenantBlocks(ImmutableDictionary<Guid, BlockState> states)
    {
        States = states;
        Blocks = [.. states.Values.Select(static state => state.Readable).OfType<BlockMeta>()];
    }

    public ImmutableDictionary<Guid, BlockState> States { get; }

    /// <summary>The blocks that queries read.</summary>
    public IReadOnlyList<BlockMeta> Blocks { get; }

    /// <summary>A copy in which this block has another state; null if it no longer exists.</summary>
    public TenantBlocks With(Guid blockId, BlockState? state) =>
        new(state is null ? States.Remove(blockId) : States.SetItem(blockId, state));
}
