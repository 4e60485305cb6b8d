namespace OrleansTempo.Core.Otlp.Buffers;

/// <summary>
/// The memory that all requests in flight may hold together: their bytes, and the records parsed from them. A process has one, sized by
/// <c>distributor.max_inflight_bytes</c>, and every request's buffer is rented from it, so any number of connections may send at once and still stay
/// below the limit together. Safe for concurrent use.
/// </summary>
/// <param name="maxBytes">The maximum bytes that all requests may hold; beyond it no buffer is rented out.</param>
/// <param name="heap">While it is full no buffer is rented out, but rented ones may still grow. Null for no such check.</param>
public sealed class RequestMemory(long maxBytes, HeapLoad? heap = null)
{
    // The rest is for everything else the process keeps in memory.
    private const int ShareOfHeap = 4;

    private long _outstandingBytes;

    /// <summary>The memory for the requests to this process.</summary>
    /// <param name="maxBytes">The maximum bytes that all requests may hold; lowered to a quarter of the heap's limit where that is less.</param>
    public static RequestMemory OfProcess(long maxBytes, TimeProvider time) => new(Math.Min(maxBytes, HeapLoad.MaxBytes / ShareOfHeap), HeapLoad.OfProcess(time));

    /// <summary>What the requests hold now, in bytes.</summary>
    public long OutstandingBytes => Interlocked.Read(ref _outstandingBytes);

    /// <summary>An empty buffer, owned by the caller.</summary>
    /// <exception cref="RequestMemoryException">There is no room for it.</exception>
    public RequestBuffer Rent(int minimumCapacity)
    {
        if (heap is not null && heap.IsFull())
            throw RequestMemoryException.HeapFull();
        return new(RentArray(minimumCapacity), this);
    }

    /// <summary>A buffer with a copy of <paramref name="bytes"/>, owned by the caller.</summary>
    /// <exception cref="RequestMemoryException">There is no room for it.</exception>
    public RequestBuffer Copy(ReadOnlySpan<byte> bytes)
    {
        var buffer = Rent(bytes.Length);
        bytes.CopyTo(buffer.Array);
        buffer.Length = bytes.Length;
        return buffer;
    }

    /// <summary>An array that counts until it is given back, or until <see cref="Uncount"/> is called for it.</summary>
    /// <param name="minimumLength">The array's minimum length.</param>
    /// <param name="heldBytes">What the same request already holds, and keeps in the meantime.</param>
    internal byte[] RentArray(int minimumLength, int heldBytes = 0)
    {
        var array = RequestBuffer.Pool.Rent(minimumLength);
        try
        {
            Count(array.Length, heldBytes);
            return array;
        }
        catch (RequestMemoryException)
        {
            RequestBuffer.Pool.Return(array);
            throw;
        }
    }

    /// <summary>Counts bytes that a request is about to take, until <see cref="Uncount"/> is called for them.</summary>
    /// <param name="bytes">The number of bytes.</param>
    /// <param name="heldBytes">What the same request already holds, and keeps in the meantime.</param>
    /// <exception cref="RequestMemoryException">There is no room for them.</exception>
    internal void Count(long bytes, long heldBytes)
    {
        if (Interlocked.Add(ref _outstandingBytes, bytes) <= maxBytes)
            return;
        Uncount(bytes);
        throw heldBytes + bytes <= maxBytes ? RequestMemoryException.Full(maxBytes) : RequestMemoryException.LargerThanAll(heldBytes + bytes, maxBytes);
    }

    /// <summary>A request was refused that had taken much memory already; see <see cref="HeapLoad.ShrinkSoon"/>.</summary>
    internal void RefusedLarge() => heap?.ShrinkSoon();

    internal void ReturnArray(byte[] array)
    {
        Uncount(array.Length);
        RequestBuffer.Pool.Return(array);
    }

    internal void Uncount(long bytes) => Interlocked.Add(ref _outstandingBytes, -bytes);
}
