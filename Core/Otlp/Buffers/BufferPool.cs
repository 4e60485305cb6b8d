using System.Collections.Concurrent;
using System.Numerics;

namespace OrleansTempo.Core.Otlp.Buffers;

/// <summary>
/// Byte arrays for requests, pooled for reuse. .NET's shared pools hold only powers of two, so a request of 275 KB would take 512 KB, and only a few
/// arrays of each size: under load most would become garbage on the large object heap. This pool's sizes grow in quarters of a power of two, and the
/// bytes it keeps are bounded.
/// </summary>
internal sealed class BufferPool(long maxPooledBytes)
{
    private const int StepsPerDoubling = 4;
    private const int SmallestBits = 10;

    private readonly ConcurrentQueue<byte[]>[] _pools = [.. Enumerable.Range(0, (31 - SmallestBits) * StepsPerDoubling).Select(_ => new ConcurrentQueue<byte[]>())];
    private long _pooledBytes;

    /// <summary>Bytes held for reuse.</summary>
    public long PooledBytes => Interlocked.Read(ref _pooledBytes);

    /// <summary>An array of at least that length; its content is arbitrary.</summary>
    public byte[] Rent(int minimumLength)
    {
        var (index, length) = ClassOf(minimumLength);
        if (index < _pools.Length && _pools[index].TryDequeue(out var array))
        {
            Interlocked.Add(ref _pooledBytes, -array.Length);
            return array;
        }

        return GC.AllocateUninitializedArray<byte>(length);
    }

    public void Return(byte[] array)
    {
        var (index, length) = ClassOf(array.Length);
        if (index >= _pools.Length || length != array.Length)
            return;
        if (Interlocked.Add(ref _pooledBytes, length) > maxPooledBytes)
        {
            Interlocked.Add(ref _pooledBytes, -length);
            return;
        }

        _pools[index].Enqueue(array);
    }

    // 1024, 1280, 1536, 1792, 2048, 2560, ...: the smallest size that is large enough.
    private static (int Index, int Length) ClassOf(int minimumLength)
    {
        if (minimumLength <= 1 << SmallestBits)
            return (0, 1 << SmallestBits);
        var doubling = BitOperations.Log2((uint)minimumLength - 1);
        var step = 1L << (doubling - 2);
        var steps = (int)((minimumLength - (1L << doubling) + step - 1) / step);
        var length = (1L << doubling) + (steps * step);
        return (((doubling - SmallestBits) * StepsPerDoubling) + steps, (int)Math.Min(length, Array.MaxLength));
    }
}
