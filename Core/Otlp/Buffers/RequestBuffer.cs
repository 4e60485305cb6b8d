using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Otlp.Buffers;

/// <summary>
/// One request's bytes in one pooled array, rented from a <see cref="RequestMemory"/>. Whoever rents it owns it until it hands it to a
/// <see cref="SpanBatch"/>, which returns it with its own last lease.
/// </summary>
public sealed class RequestBuffer
{
    private byte[] _array;

    // Where the array counts among those given out, and so must come off that count exactly once; null where it does not.
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

    /// <summary>The arrays kept for reuse, whatever memory they are counted in.</summary>
    internal static BufferPool Pool { get; } = new(Math.Min(64 << 20, HeapLoad.MaxBytes / 16));

    /// <summary>For bytes that are in memory anyway, as those from another silo or from the log: it is not counted, cannot grow, and may be left to the garbage collector.</summary>
    public static RequestBuffer RentUncounted(int capacity) => new(Pool.Rent(capacity), null);

    /// <summary>Room for at least <paramref name="minimum"/> more bytes after <see cref="Length"/>; grows when it must.</summary>
    /// <exception cref="RequestMemoryException">There is no room to grow.</exception>
    public Memory<byte> GetMemory(int minimum)
    {
        if (_array.Length - Length < minimum)
        {
            var memory = Volatile.Read(ref _memory) ?? throw new InvalidOperationException("An uncounted buffer cannot grow.");
            var larger = memory.Take((int)Math.Min(Math.Max(Length + (long)minimum, _array.Length * 2L), System.Array.MaxLength), _array.Length);
            _array.AsSpan(0, Length).CopyTo(larger);
            memory.GiveBack(_array);
            _array = larger;
        }

        return _array.AsMemory(Length);
    }

    /// <summary>Whether it counts among what the requests of clients may hold together.</summary>
    internal bool IsCounted => _memory is not null;

    /// <summary>Counts what is made of the bytes together with them, as far as that is more than was counted before.</summary>
    /// <param name="bytes">What it takes in all.</param>
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

    /// <summary>Counts no more, and leaves the array to whoever may still read it, and to the garbage collector. It must not be returned any more.</summary>
    public void Abandon() => Uncount(_array.Length);

    private void Uncount(int bytes) => Interlocked.Exchange(ref _memory, null)?.Uncount(bytes + _recordBytes);
}
