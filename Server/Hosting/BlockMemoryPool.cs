using System.Buffers;
using System.Collections.Concurrent;

namespace OrleansTempo.Server.Hosting;

/// <summary>
/// The memory into which Kestrel receives, in blocks larger than its own 4 KiB: a request body of 275 KB then takes a few receive calls
/// instead of dozens. A connection owns a block from the arrival of data until the request has been copied out of it.
/// </summary>
internal sealed class BlockMemoryPool(int blockBytes, int maxIdleBlocks) : MemoryPool<byte>
{
    private readonly ConcurrentQueue<Block> _idle = new();
    private int _idleCount;

    public override int MaxBufferSize => blockBytes;

    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, blockBytes);
        if (!_idle.TryDequeue(out var block))
            return new Block(this, blockBytes);
        Interlocked.Decrement(ref _idleCount);
        return block;
    }

    protected override void Dispose(bool disposing) => _idle.Clear();

    private void Return(Block block)
    {
        // A burst of connections must not hold its memory for ever: blocks beyond the limit are left to the garbage collector.
        if (Interlocked.Increment(ref _idleCount) <= maxIdleBlocks)
            _idle.Enqueue(block);
        else
            Interlocked.Decrement(ref _idleCount);
    }

    // Dispose returns the block to the pool, so that renting allocates nothing.
    private sealed class Block(BlockMemoryPool pool, int bytes) : IMemoryOwner<byte>
    {
        public Memory<byte> Memory { get; } = System.Runtime.InteropServices.MemoryMarshal.CreateFromPinnedArray(GC.AllocateUninitializedArray<byte>(bytes, pinned: true), 0, bytes);

        public void Dispose() => pool.Return(this);
    }
}
