using OrleansTempo.Core.Blocks.Format;

namespace OrleansTempo.Core.Blocks.List;

/// <summary>What a <see cref="BlockList"/> knows about a block.</summary>
internal abstract record BlockState
{
    /// <summary>The block's meta if queries read it.</summary>
    public virtual BlockMeta? Readable => null;

    /// <summary>Complete and in use.</summary>
    public sealed record Live(BlockMeta Meta) : BlockState
    {
        public override BlockMeta Readable => Meta;
    }

    /// <summary>Merged or expired.</summary>
    /// <param name="At">When it was marked.</param>
    /// <param name="MergedInto">The block that has its spans; null if they expired.</param>
    /// <param name="StillRead">Its meta, until the block with its spans is known here.</param>
    public sealed record Compacted(DateTimeOffset At, Guid? MergedInto, BlockMeta? StillRead) : BlockState
    {
        public override BlockMeta? Readable => StillRead;
    }

    /// <summary>Set aside.</summary>
    /// <param name="Broken">Why and when.</param>
    /// <param name="IsStored">Whether there is a <c>broken.json</c>, which tells other processes.</param>
    public sealed record SetAside(BrokenBlock Broken, bool IsStored) : BlockState;

    /// <summary>Without a meta: being written, left by a process that ended while writing it, or its meta was deleted by hand.</summary>
    /// <param name="LastModified">When any of its objects was last written. If it may have been complete, this is at least the time it was noticed, so that it is kept long enough to be repaired.</param>
    /// <param name="IsNoted">Whether it is known that nobody is writing it, and this has been logged.</param>
    /// <param name="Lost">Set if it was in use before: answers without it are incomplete.</param>
    public sealed record Incomplete(DateTimeOffset LastModified, bool IsNoted = false, BrokenBlock? Lost = null) : BlockState;
}

/// <summary>A block's <c>meta.compacted.json</c>: its spans are in another block or have expired, and its objects are deleted some time later.</summary>
/// <param name="Meta">The content of its <c>meta.json</c>.</param>
/// <param name="CompactedAt">When it was marked.</param>
/// <param name="MergedInto">The block that has its spans; null if they expired.</param>
public sealed record CompactedBlock(BlockMeta Meta, DateTimeOffset CompactedAt, Guid? MergedInto);
