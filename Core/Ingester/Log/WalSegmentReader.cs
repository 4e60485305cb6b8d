using System.Text;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Ingester.Log;

/// <summary>
/// Reads segments one after another, record by record through one buffer, and continues behind anything damaged:
/// <code>
/// content does not match ──► skipped; its header says how far
/// header does not match ───► continues at the next bytes that form a whole good record
/// record runs past the end ► torn: its process died while writing it
/// </code>
/// </summary>
internal sealed class WalSegmentReader
{
    private const int BufferBytes = 1 << 20;

    // Much smaller than the buffer, so that scanning rarely moves it.
    private const int ScanBytes = 64 << 10;

    private byte[] _buffer = [];

    // The part of the segment in memory, and the offset at which it begins.
    private ReadOnlyMemory<byte> _window;
    private long _windowOffset;
    private ReadAt _readAt = static (_, _) => 0;
    private long _number;
    private uint _salt;
    private long _offset;

    /// <summary>Fills a span from an offset on, and returns the number of bytes read.</summary>
    public delegate int ReadAt(long offset, Span<byte> target);

    public long Length { get; private set; }

    /// <summary>Records of this segment that were skipped.</summary>
    public int CorruptRecords { get; private set; }

    /// <summary>Where the last complete record ends; the segment's length if none is torn.</summary>
    public long GoodBytes { get; private set; }

    /// <summary>Opens a segment that is read piece by piece; its records are readable until the next call.</summary>
    /// <returns>False if it cannot be read; <paramref name="error"/> says why.</returns>
    /// <exception cref="IOException">Thrown by <paramref name="readAt"/>, here and in later reads.</exception>
    public bool TryOpen(long number, long length, ReadAt readAt, out string error)
    {
        _readAt = readAt;
        return TryOpen(number, length, default(ReadOnlyMemory<byte>), out error);
    }

    /// <summary>Opens a segment that is entirely in memory; its records are readable for as long as it is.</summary>
    /// <returns>False if it cannot be read; <paramref name="error"/> says why.</returns>
    public bool TryOpen(long number, ReadOnlyMemory<byte> segment, out string error)
    {
        _readAt = static (_, _) => 0;
        return TryOpen(number, segment.Length, segment, out error);
    }

    /// <summary>The next record.</summary>
    public bool TryRead(out WalRecord record)
    {
        while (_offset < Length)
        {
            switch (TryReadAt(_offset, out var next, out record))
            {
                case Found.Record:
                    _offset = next;
                    return true;
                case Found.CorruptContent:
                    CorruptRecords++;
                    _offset = next;
                    break;
                case Found.Torn:
                    GoodBytes = _offset;
                    _offset = Length;
                    break;
                default:
                    if (FindRecord(_offset + 1) is { } found)
                    {
                        CorruptRecords++;
                        _offset = found;
                        break;
                    }

                    if (IsZeroFrom(_offset))
                        GoodBytes = _offset;
                    else
                        CorruptRecords++;
                    _offset = Length;
                    break;
            }
        }

        record = default;
        return false;
    }

    private enum Found
    {
        Record,
        CorruptContent,
        NoHeader,
        Torn,
    }

    private bool TryOpen(long number, long length, ReadOnlyMemory<byte> window, out string error)
    {
        (_number, Length, _window, _windowOffset) = (number, length, window, 0);
        (CorruptRecords, GoodBytes, _offset, error) = (0, length, length, "");

        // Created but never written to, or its blocks never reached the disk: no record of it was durably acknowledged.
        if (length < WalFormat.SegmentHeaderBytes || IsZeroFrom(0))
        {
            GoodBytes = 0;
            return true;
        }

        if (!WalFormat.TryReadSegmentHeader(Peek(0, WalFormat.SegmentHeaderBytes).Span, out _salt, out error))
            return false;
        _offset = WalFormat.SegmentHeaderBytes;
        return true;
    }

    private Found TryReadAt(long offset, out long next, out WalRecord record)
    {
        record = default;
        next = offset;
        var header = Peek(offset, WalFormat.RecordHeaderBytes).Span;
        if (header.Length < WalFormat.RecordHeaderBytes)
            return Found.Torn;
        if (!WalFormat.TryReadRecordHeader(header, _salt, out var tenantBytes, out var requestBytes, out var contentCrc))
            return Found.NoHeader;

        var contentOffset = offset + WalFormat.RecordHeaderBytes;
        next = contentOffset + tenantBytes + requestBytes;
        if (next > Length)
            return Found.Torn;
        var content = Peek(contentOffset, tenantBytes + requestBytes);
        if (content.Length < tenantBytes + requestBytes)
            return Found.Torn;
        if (Crc32C.Of(content.Span) != contentCrc || !TenantId.TryParse(Encoding.ASCII.GetString(content.Span[..tenantBytes]), out var tenant, out _))
            return Found.CorruptContent;
        record = new WalRecord(_number, tenant, content[tenantBytes..]);
        return Found.Record;
    }

    // The first offset from here on at which a whole good record begins.
    private long? FindRecord(long from)
    {
        while (true)
        {
            var chunk = Peek(from, ScanBytes).Span;
            var at = chunk.IndexOf(WalFormat.RecordMagic);
            if (at >= 0)
            {
                if (TryReadAt(from + at, out _, out _) == Found.Record)
                    return from + at;
                from += at + 1;
            }
            else if (chunk.Length < ScanBytes)
            {
                return null;
            }
            else
            {
                // The magic may straddle two chunks.
                from += chunk.Length - WalFormat.RecordMagic.Length + 1;
            }
        }
    }

    private bool IsZeroFrom(long offset)
    {
        while (offset < Length)
        {
            var chunk = Peek(offset, ScanBytes).Span;
            if (chunk.ContainsAnyExcept((byte)0))
                return false;
            if (chunk.IsEmpty)
                return true;
            offset += chunk.Length;
        }

        return true;
    }

    // The bytes from an offset on; fewer only at the segment's end.
    private ReadOnlyMemory<byte> Peek(long offset, int count)
    {
        count = (int)Math.Min(count, Length - offset);
        if (offset < _windowOffset || offset + count > _windowOffset + _window.Length)
            Fill(offset, count);
        var start = (int)(offset - _windowOffset);
        return _window.Slice(start, Math.Min(count, _window.Length - start));
    }

    private void Fill(long offset, int count)
    {
        var kept = offset >= _windowOffset && offset < _windowOffset + _window.Length ? _window[(int)(offset - _windowOffset)..] : default;
        if (count > _buffer.Length)
            _buffer = GC.AllocateUninitializedArray<byte>(Math.Max(count, BufferBytes));
        kept.CopyTo(_buffer);
        var filled = kept.Length;
        while (filled < count)
        {
            var read = _readAt(offset + filled, _buffer.AsSpan(filled));
            if (read == 0)
                break;
            filled += read;
        }

        (_window, _windowOffset) = (_buffer.AsMemory(0, filled), offset);
    }
}

/// <summary>One record of the write-ahead log, as replay reads it.</summary>
/// <param name="Segment">The segment that holds it.</param>
/// <param name="Tenant">The tenant of the spans.</param>
/// <param name="Request">An <c>ExportTraceServiceRequest</c>, readable only during the call.</param>
public readonly record struct WalRecord(long Segment, TenantId Tenant, ReadOnlyMemory<byte> Request);
