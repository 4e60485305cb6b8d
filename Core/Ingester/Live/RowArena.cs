using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using OrleansTempo.Core.Blocks.Format.Pages;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Ingester.Live;

/// <summary>
/// Stores rows of spans one after another in chunks that never move, each addressed by a 32-bit reference. A row is a <see cref="SpanRow"/>, its
/// inline values and its other fields. Rows are only ever added; all are freed at once.
/// <code>
///   reference:  chunk × 32768 + offset in the chunk / 8        0: none
/// </code>
/// </summary>
internal sealed class RowArena : IDisposable
{
    private const int Alignment = 8;
    private const int SmallestChunk = 1 << 10;
    private const int UnitBits = 15;
    private const int CacheLine = 64;
    private const int PrefetchedLines = 12;

    // The range of a reference; a longer chunk exists only for the one row that begins it.
    private const int LargestChunk = Alignment << UnitBits;

    // Generations come and go with every block, so their chunks are reused: the pool keeps as much as is in use and a little more.
    private const long SmallestPool = 64 << 20;
    private static readonly BufferPool s_pool = new(maxPooledBytes: long.MaxValue);
    private static long s_outstandingBytes;

    private readonly List<byte[]> _chunks = [];
    private byte[] _current = [];
    private int _position;

    /// <summary>The memory held, in bytes.</summary>
    public long MemoryBytes { get; private set; }

    /// <summary>Adds a row, and returns its reference; the caller fills in its inline values and other fields.</summary>
    public uint Add(in SpanRow row, out Span<byte> tail)
    {
        var tailLength = row.InlineLength + row.OtherLength;
        var length = (Unsafe.SizeOf<SpanRow>() + tailLength + Alignment - 1) & ~(Alignment - 1);
        if (_current.Length - _position < length || _position >= LargestChunk)
            AddChunk(length);
        var start = _position;
        Unsafe.WriteUnaligned(ref _current[start], row);
        tail = _current.AsSpan(start + Unsafe.SizeOf<SpanRow>(), tailLength);
        _position = start + length;
        return ((uint)(_chunks.Count - 1) << UnitBits) + (uint)(start / Alignment);
    }

    /// <summary>A row, with its inline values and its other fields.</summary>
    public ref readonly SpanRow Read(uint reference, out ReadOnlySpan<byte> inline, out ReadOnlySpan<byte> other)
    {
        var bytes = _chunks[(int)(reference >> UnitBits)].AsSpan((int)(reference & ((1 << UnitBits) - 1)) * Alignment);
        ref readonly var row = ref MemoryMarshal.AsRef<SpanRow>(bytes);
        inline = bytes.Slice(Unsafe.SizeOf<SpanRow>(), row.InlineLength);
        other = bytes.Slice(Unsafe.SizeOf<SpanRow>() + row.InlineLength, row.OtherLength);
        return ref row;
    }

    /// <summary>Prefetches a row and those just before it, which are mostly of the same trace. They were written long ago, so each read would wait for memory.</summary>
    public unsafe void Prefetch(uint reference)
    {
        if (!Sse.IsSupported)
            return;
        ref var row = ref _chunks[(int)(reference >> UnitBits)][(int)(reference & ((1 << UnitBits) - 1)) * Alignment];
        var address = (byte*)Unsafe.AsPointer(ref row);
        for (var line = 1; line >= -PrefetchedLines; line--)
            Sse.Prefetch0(address + (line * CacheLine));
    }

    /// <summary>Gives the chunks back; no row may be read afterwards.</summary>
    public void Dispose()
    {
        foreach (var chunk in _chunks)
        {
            if (s_pool.PooledBytes + chunk.Length <= Interlocked.Add(ref s_outstandingBytes, -chunk.Length) + SmallestPool)
                s_pool.Return(chunk);
        }

        _chunks.Clear();
        _current = [];
        _position = 0;
        MemoryBytes = 0;
    }

    // Chunks start small, because most tenants never have many spans at a time. A row larger than any chunk gets one of its own.
    private void AddChunk(int length)
    {
        var usual = SmallestChunk << Math.Min(_chunks.Count, 8);
        var first = _chunks.Count == 0 ? Alignment : 0;
        _current = s_pool.Rent(Math.Max(Math.Min(usual, LargestChunk), length + first));
        _chunks.Add(_current);
        _position = first;
        MemoryBytes += _current.Length;
        Interlocked.Add(ref s_outstandingBytes, _current.Length);
    }
}
