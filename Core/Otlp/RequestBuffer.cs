namespace OrleansTempo.Core.Otlp;

/// <summary>
/// One request's bytes in one pooled array. Whoever rents it owns it until it hands it to a <see cref="SpanBatch"/>,
/// which returns it with its own last lease.
/// </summary>
public sealed class RequestBuffer
{
    private static readonly BufferPool s_pool = new(maxPooledBytes: 64 << 20);

    private byte[] _array;

    private RequestBuffer(byte[] array) => _array = array;

    /// <summary>Bytes in use.</summary>
    public int Length { get; set; }

    /// <summary>Bytes that fit without growing.</summary>
    public int Capacity => _array.Length;

    public byte[] Array => _array;

    public ReadOnlySpan<byte> Bytes => _array.AsSpan(0, Length);

    public static RequestBuffer Rent(int minimumCapacity) => new(s_pool.Rent(minimumCapacity));

    /// <summary>Room for at least <paramref name="minimum"/> more bytes after <see cref="Length"/>; grows when it must.</summary>
    public Memory<byte> GetMemory(int minimum)
    {
        if (_array.Length - Length < minimum)
        {
            var larger = s_pool.Rent((int)Math.Min(Math.Max(Length + (long)minimum, _array.Length * 2L), System.Array.MaxLength));
            _array.AsSpan(0, Length).CopyTo(larger);
            s_pool.Return(_array);
            _array = larger;
        }

        return _array.AsMemory(Length);
    }

    /// <summary>Gives the array back; the buffer must not be used afterwards.</summary>
    public void Return()
    {
        var array = Interlocked.Exchange(ref _array, []);
        if (array.Length > 0)
            s_pool.Return(array);
    }
}
