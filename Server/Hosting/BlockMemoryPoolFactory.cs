using System.Buffers;
using Microsoft.AspNetCore.Connections;

namespace OrleansTempo.Server.Hosting;

/// <summary>Gives Kestrel a <see cref="BlockMemoryPool"/> wherever it asks for a pool.</summary>
internal sealed class BlockMemoryPoolFactory(int blockBytes) : IMemoryPoolFactory<byte>
{
    private const int MaxIdleBytesPerPool = 16 << 20;

    public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => new BlockMemoryPool(blockBytes, MaxIdleBytesPerPool / blockBytes);
}
