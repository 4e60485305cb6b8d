namespace OrleansTempo.Core.Otlp;

/// <summary>
/// What the requests under way may hold together. A process has one, from <c>distributor.max_inflight_bytes</c>, and whoever rents a buffer
/// rents it here: any number of connections may send at once, and all of them together stay below the limit. Safe for concurrent use.
/// </summary>
/// <param name="maxBytes">The most bytes that all buffers given out may have; beyond it none is given out.</param>
/// <param name="heap">While it is full no buffer is given out; those that are may still grow. Null for no such check.</param>
public sealed class RequestMemory(long maxBytes, HeapLoad? heap = null)
{
    // What else is in memory needs the rest.
    private const int ShareOfHeap = 4;

    private long _outstandingBytes;

    /// <summary>The memory for the requests to this process.</summary>
    /// <param name="maxBytes">The most bytes that all buffers given out may have; a quarter of what the process's heap may have, where that is less.</param>
    public static RequestMemory OfProcess(long maxBytes, TimeProvider time) => new(Math.Min(maxBytes, HeapLoad.MaxBytes / ShareOfHeap), HeapLoad.OfProcess(time));

    /// <summary>What the buffers given out hold now, in bytes.</summary>
    public long OutstandingBytes => Interlocked.Read(ref _outstandingBytes);

    /// <summary>An empty buffer, which is the caller's.</summary>
    /// <exception cref="RequestMemoryException">There is no room for it.</exception>
    public RequestBuffer Rent(int minimumCapacity)
    {
        if (heap is not null && heap.IsFull())
            throw new RequestMemoryException("the heap of the process is nearly as large as it may be; try again later, or give the process more memory");
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
    internal byte[] Take(int minimumLength)
    {
        var array = RequestBuffer.Pool.Rent(minimumLength);
        if (Interlocked.Add(ref _outstandingBytes, array.Length) <= maxBytes)
            return array;
        GiveBack(array);
        throw new RequestMemoryException($"the requests under way hold {maxBytes} bytes, all that they may (distributor.max_inflight_bytes, or a quarter of the memory of the process); try again later");
    }

    internal void GiveBack(byte[] array)
    {
        Uncount(array.Length);
        RequestBuffer.Pool.Return(array);
    }

    internal void Uncount(int bytes) => Interlocked.Add(ref _outstandingBytes, -bytes);
}
