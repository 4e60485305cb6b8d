namespace OrleansTempo.Core.Otlp;

/// <summary>
/// One request's bytes in one pooled array. Whoever rents it owns it until it hands it to a <see cref="SpanBatch"/>,
/// which returns it with its own last lease.
/// </summary>
public sealed class RequestBuffer
{
    private static readonly BufferPool s_pool = new(maxPooledBytes: 64 << 20);
    private static long s_outstandingBytes;

    /// <summary>What all buffers of the process together may hold, in bytes; beyond it none is given out. As many connections as like may send at once.</summary>
    public static long MaxOutstandingBytes { get; set; } = 1L << 30;

    /// <summary>What the buffers given out hold now, in bytes.</summary>
    public static long OutstandingBytes => Interlocked.Read(ref s_outstandingBytes);

    private byte[] _array;

    // Whether the array counts among those given out, and so must come off that count exactly once.
    private int _counted;

    private RequestBuffer(byte[] array, bool counted)
    {
        _array = array;
        _counted = counted ? 1 : 0;
    }

    /// <summary>Bytes in use.</summary>
    public int Length { get; set; }

    /// <summary>Bytes that fit without growing.</summary>
    public int Capacity => _array.Length;

    public byte[] Array => _array;

    public ReadOnlySpan<byte> Bytes => _array.AsSpan(0, Length);

    /// <exception cref="RequestMemoryException">There is no room for it, see <see cref="MaxOutstandingBytes"/>.</exception>
    public static RequestBuffer Rent(int minimumCapacity) => new(Take(minimumCapacity), counted: true);

    /// <summary>As <see cref="Rent"/>, but for bytes from another process, which may be dropped unread on their way: it is not counted, and may be left to the garbage collector.</summary>
    public static RequestBuffer RentUncounted(int capacity) => new(s_pool.Rent(capacity), counted: false);

    /// <summary>Room for at least <paramref name="minimum"/> more bytes after <see cref="Length"/>; grows when it must.</summary>
    /// <exception cref="RequestMemoryException">There is no room to grow, see <see cref="MaxOutstandingBytes"/>.</exception>
    public Memory<byte> GetMemory(int minimum)
    {
        if (_array.Length - Length < minimum)
        {
            if (Volatile.Read(ref _counted) == 0)
                throw new InvalidOperationException("A buffer that is not counted has its size from the start.");
            var larger = Take((int)Math.Min(Math.Max(Length + (long)minimum, _array.Length * 2L), System.Array.MaxLength));
            _array.AsSpan(0, Length).CopyTo(larger);
            GiveBack(_array);
            _array = larger;
        }

        return _array.AsMemory(Length);
    }

    /// <summary>Gives the array back; the buffer must not be used afterwards.</summary>
    public void Return()
    {
        var array = Interlocked.Exchange(ref _array, []);
        if (array.Length == 0)
            return;
        Uncount(array.Length);
        s_pool.Return(array);
    }

    /// <summary>Counts no more, and leaves the array to whoever may still read it, and to the garbage collector. It must not be returned any more.</summary>
    public void Abandon() => Uncount(_array.Length);

    private void Uncount(int bytes)
    {
        if (Interlocked.Exchange(ref _counted, 0) == 1)
            Interlocked.Add(ref s_outstandingBytes, -bytes);
    }

    private static byte[] Take(int minimumLength)
    {
        var array = s_pool.Rent(minimumLength);
        if (Interlocked.Add(ref s_outstandingBytes, array.Length) <= MaxOutstandingBytes)
            return array;
        GiveBack(array);
        throw new RequestMemoryException(MaxOutstandingBytes);
    }

    private static void GiveBack(byte[] array)
    {
        Interlocked.Add(ref s_outstandingBytes, -array.Length);
        s_pool.Return(array);
    }
}
