using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Otlp.Buffers;

/// <summary>
/// One request's bytes in one pooled array, rented from a <see cref="RequestMemory"/>. Whoever rents it owns it until handing it to a
/// <see cref="SpanBatch"/>, which returns it when its last lease is released.
/// </summary>
public sealed class RequestBuffer
{
    private byte[] _array;

    // The memory that counts this array, and that must stop counting it exactly once; null for an uncounted buffer.
    private RequestMemory? _memory;
    private long _recordBytes;

    internal RequestBuffer(byte[] array, RequestMemory? memory)
    {
        _array = array;
        _memory = memory;
    }

    /// <summary>Bytes in use.</summary>
    public int Length { get; set; }

    /// <summary>Bytes that fit without growing.</summary>
    public int Capacity => _array.Length;

    public byte[] Array => _array;

    public ReadOnlySpan<byte> Bytes => _array.AsSpan(0, Length);

    /// <summary>The arrays kept for reuse, shared by all request memories.</summary>
    internal static BufferPool Pool { get; } = new(Math.Min(64 << 20, HeapLoad.MaxBytes / 16));

    /// <summary>
    /// For bytes that are in memory anyway, such as those from another silo or from the log. The buffer is not counted, cannot grow, and may be left
    /// to the garbage collector.
    /// </summary>
    public static RequestBuffer RentUncounted(int capacity) => new(Pool.Rent(capacity), null);

    /// <summary>Room for at least <paramref name="minimum"/> more bytes after <see cref="Length"/>; grows the buffer if needed.</summary>
    /// <exception cref="RequestMemoryException">There is no room to grow.</exception>
    public Memory<byte> GetMemory(int minimum)
    {
        if (_array.Length - Length < minimum)
        {
            var memory = Volatile.Read(ref _memory) ?? throw new InvalidOperationException("An uncounted buffer cannot grow.");
            var larger = memory.RentArray((int)Math.Min(Math.Max(Length + (long)minimum, _array.Length * 2L), System.Array.MaxLength), _array.Length);
            _array.AsSpan(0, Length).CopyTo(larger);
            memory.ReturnArray(_array);
            _array = larger;
        }

        return _array.AsMemory(Length);
    }

    /// <summary>Whether its bytes count towards the limit on all clients' requests.</summary>
    internal bool IsCounted => _memory is not null;

    /// <summary>Counts the records parsed from the bytes together with the bytes, as far as they exceed what was counted before.</summary>
    /// <param name="bytes">The total size of the records.</param>
    /// <exception cref="RequestMemoryException">There is no room for it.</exception>
    internal void CountRecords(long bytes)
    {
        if (_memory is not { } memory || bytes <= _recordBytes)
            return;
        memory.Count(bytes - _recordBytes, _array.Length + _recordBytes);
        _recordBytes = bytes;
    }

    /// <summary>Gives the array back; the buffer must not be used afterwards.</summary>
    public void Return()
    {
        var array = Interlocked.Exchange(ref _array, []);
        if (array.Length == 0)
            return;
        Uncount(array.Length);
        Pool.Return(array);
    }

    /// <summary>
    /// Stops counting the array and leaves it to whoever may still read it, and then to the garbage collector. The buffer must not be returned
    /// afterwards.
    /// </summary>
    public void Abandon() => Uncount(_array.Length);

    private void Uncount(int bytes) => Interlocked.Exchange(ref _memory, null)?.Uncount(bytes + _recordBytes);
}
