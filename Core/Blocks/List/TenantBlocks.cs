using System.Collections.Immutable;
using OrleansTempo.Core.Blocks.Format;

namespace OrleansTempo.Core.Blocks.List;

/// <summary>A tenant's blocks at one moment; never changes.</summary>
internal sealed class TenantBlocks
{
    public static readonly TenantBlocks None = new(ImmutableDictionary<Guid, BlockState>.Empty);

    public TenantBlocks(ImmutableDictionary<Guid, BlockState> states)
    {
        States = states;
        Blocks = [.. states.Values.Select(static state => state.Readable).OfType<BlockMeta>()];
    }

    public ImmutableDictionary<Guid, BlockState> States { get; }

    /// <summary>Those that queries read.</summary>
    public IReadOnlyList<BlockMeta> Blocks { get; }

    /// <summary>The same with another state of this block; null where it is no more.</summary>
    public TenantBlocks With(Guid blockId, BlockState? state) =>
        new(state is null ? States.Remove(blockId) : States.SetItem(blockId, state));
}
