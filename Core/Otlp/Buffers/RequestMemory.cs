namespace OrleansTempo.Core.Otlp.Buffers;

/// <summary>
/// What the requests under way may hold together: their bytes, and what is made of them when they are read. A process has one, from
/// <c>distributor.max_inflight_bytes</c>, and whoever rents a buffer rents it here: any number of connections may send at once, and all of them together
/// stay below the limit. Safe for concurrent use.
/// </summary>
/// <param name="maxBytes">The most bytes that all requests may hold; beyond it nothing is given out.</param>
/// <param name="heap">While it is full no buffer is given out; those that are may still grow. Null for no such check.</param>
public sealed class RequestMemory(long maxBytes, HeapLoad? heap = null)
{
    // What else is in memory needs the rest.
    private const int ShareOfHeap = 4;

    private long _outstandingBytes;

    /// <summary>The memory for the requests to this process.</summary>
    /// <param name="maxBytes">The most bytes that all requests may hold; a quarter of what the process's heap may have, where that is less.</param>
    public static RequestMemory OfProcess(long maxBytes, TimeProvider time) => new(Math.Min(maxBytes, HeapLoad.MaxBytes / ShareOfHeap), HeapLoad.OfProcess(time));

    /// <summary>What the requests hold now, in bytes.</summary>
    public long OutstandingBytes => Interlocked.Read(ref _outstandingBytes);

    /// <summary>An empty buffer, which is the caller's.</summary>
    /// <exception cref="RequestMemoryException">There is no room for it.</exception>
    public RequestBuffer Rent(int minimumCapacity)
    {
        if (heap is not null && heap.IsFull())
            throw RequestMemoryException.HeapFull();
        return new(Take(minimumCapacity), this);
    }

    /// <summary>A buffer with a copy of <paramref name="bytes"/>, which is the caller's.</summary>
    /// <exception cref="RequestMemoryException">There is no room for it.</exception>
    public RequestBuffer Copy(ReadOnlySpan<byte> bytes)
    {
        var buffer = Rent(bytes.Length);
        bytes.CopyTo(buffer.Array);
        buffer.Length = bytes.Length;
        return buffer;
    }

    /// <summary>An array that is counted until it is given back, or <see cref="Uncount"/> is called for it.</summary>
    /// <param name="minimumLength">Of the array.</param>
    /// <param name="heldBytes">What the same request holds already, and keeps meanwhile.</param>
    internal byte[] Take(int minimumLength, int heldBytes = 0)
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
    /// <param name="bytes">How many.</param>
    /// <param name="heldBytes">What the same request holds already, and keeps meanwhile.</param>
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

    internal void GiveBack(byte[] array)
    {
        Uncount(array.Length);
        RequestBuffer.Pool.Return(array);
    }

    internal void Uncount(long bytes) => Interlocked.Add(ref _outstandingBytes, -bytes);
}
