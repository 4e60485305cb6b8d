using System.Buffers.Binary;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Blocks.Format.Pages;

/// <summary>
/// Builds a page from whole traces in the order of their IDs. Each field of all spans goes into a column of its own, so that similar values are
/// adjacent and a search can skip what it does not need.
/// <code>
///   BeginTrace ─ AddSpan … AddSpan ─ EndTrace,  again until IsFull,  Encode
/// </code>
/// One builder builds many pages in turn, reusing its arrays. <c>docs/block-format.md</c> describes the layout.
/// </summary>
internal sealed class PageBuilder
{
    public const int ColumnCount = (int)PageColumn.Other + 1;

    // A lookup reads whole pages: large enough to compress well, small enough to be decoded in a millisecond.
    private const int TargetSpans = 4096;
    private const int TargetBytes = 512 << 10;

    // A trace may be larger than a page should be; beyond this limit it continues in the next page. Shared values count here as well: 256 values of a
    // key may be short, or a megabyte each.
    private const int MaxSpans = 4 * TargetSpans;
    private const int MaxBytes = 16 * TargetBytes;

    // Every page repeats the resources and scopes it uses, and a client may send one of megabytes with spans of a few bytes. A page of few spans may
    // therefore exceed the usual size, so that such a resource is not repeated for every span, up to this many bytes of resources and scopes.
    private const int EnvelopeBytesPerSpan = 4 << 10;
    private const int MaxEnvelopeBytes = 4 * MaxBytes;

    // Up to this many spans, a vectorised scan of the trace's IDs finds a parent faster than a table.
    private const int ScannedSpans = 128;

    private readonly SpanDictionary _dictionary = new();
    private readonly ColumnBuffer[] _columns = [.. Enumerable.Range(0, ColumnCount).Select(_ => new ColumnBuffer())];
    private readonly ColumnBuffer _shapes;
    private readonly ColumnBuffer _inline;
    private readonly ColumnBuffer _other;
    private readonly ColumnBuffer _page = new();
    private readonly Dictionary<ulong, int> _places = new(SpanIdComparer.Instance);
    private ulong[] _spanIds = new ulong[TargetSpans];
    private ulong[] _parents = new ulong[TargetSpans];
    private ulong[] _starts = new ulong[TargetSpans];
    private ulong[] _durations = new ulong[TargetSpans];
    private ulong[] _traceStarts = new ulong[TargetSpans];
    private TraceId _trace;
    private int _traceFirstSpan;

    public PageBuilder()
    {
        _shapes = Column(PageColumn.Shapes);
        _inline = Column(PageColumn.Inline);
        _other = Column(PageColumn.Other);
    }

    /// <summary>The dictionary that the spans' shape numbers refer to.</summary>
    public SpanDictionary Dictionary => _dictionary;

    public int Traces { get; private set; }

    public int Spans { get; private set; }

    public TraceId FirstTrace { get; private set; }

    /// <summary>The earliest start of any span, Unix time in nanoseconds.</summary>
    public ulong MinStart { get; private set; } = ulong.MaxValue;

    /// <summary>The latest start of any span, Unix time in nanoseconds.</summary>
    public ulong MaxStart { get; private set; }

    /// <summary>Whether the page should take no more traces.</summary>
    public bool IsFull => Spans >= TargetSpans || Bytes >= TargetBytes || IsOverfull;

    /// <summary>Whether the page must take no more spans, even of the same trace.</summary>
    public bool IsOverfull => Spans >= MaxSpans || (Bytes + _dictionary.Bytes is var all && all >= MaxBytes
        && (EnvelopeBytes <= (long)Spans * EnvelopeBytesPerSpan || EnvelopeBytes >= MaxEnvelopeBytes || all - EnvelopeBytes >= MaxBytes));

    private int Bytes => _inline.Length + _other.Length;

    private long EnvelopeBytes => (long)_dictionary.Resources.Bytes + _dictionary.Scopes.Bytes;

    public void BeginTrace(TraceId trace)
    {
        if (Traces == 0)
            FirstTrace = trace;
        _trace = trace;
        _traceFirstSpan = Spans;
    }

    /// <summary>Adds a span of the current trace; <paramref name="shape"/> is its shape's number in <see cref="Dictionary"/>, not the one in the row.</summary>
    public void AddSpan(in SpanRow row, int shape, ReadOnlySpan<byte> inline, ReadOnlySpan<byte> other)
    {
        if (Spans == _spanIds.Length)
            Grow();
        _spanIds[Spans] = row.SpanId;
        _parents[Spans] = row.ParentSpanId;
        _starts[Spans] = row.StartTimeUnixNano;
        _durations[Spans] = ProtoWire.ZigZag((long)row.DurationNano);
        Spans++;
        _shapes.WriteVarint((uint)shape);
        if (inline.Length > 0)
            _inline.WriteBytes(inline);
        _other.WriteVarint((uint)other.Length);
        if (other.Length > 0)
            _other.WriteBytes(other);
    }

    public void EndTrace()
    {
        var count = Spans - _traceFirstSpan;
        if (count == 0)
            return;
        if (Traces == _traceStarts.Length)
            Array.Resize(ref _traceStarts, Traces * 2);

        var starts = _starts.AsSpan(_traceFirstSpan, count);
        ulong first = ulong.MaxValue, last = 0;
        foreach (var start in starts)
        {
            first = Math.Min(first, start);
            last = Math.Max(last, start);
        }

        for (var i = 0; i < starts.Length; i++)
            starts[i] -= first;
        _traceStarts[Traces++] = first;
        MinStart = Math.Min(MinStart, first);
        MaxStart = Math.Max(MaxStart, last);

        _trace.Write(Column(PageColumn.TraceIds).Append(TraceId.Length));
        Column(PageColumn.SpanCounts).WriteVarint((uint)count);
        WriteParents(count);
    }

    /// <summary>The page's bytes, valid until <see cref="Clear"/>.</summary>
    /// <param name="searchLength">How many of the first bytes a search reads.</param>
    public ReadOnlyMemory<byte> Encode(out int searchLength)
    {
        _page.Clear();
        WriteDictionary(Column(PageColumn.Dictionary));
        var startUnit = WriteTimes(Column(PageColumn.Starts), _starts.AsSpan(0, Spans));
        var durationUnit = WriteTimes(Column(PageColumn.Durations), _durations.AsSpan(0, Spans));
        foreach (var start in _traceStarts.AsSpan(0, Traces))
            Column(PageColumn.TraceStarts).WriteVarint(start - MinStart);
        var ids = Column(PageColumn.SpanIds);
        foreach (var id in _spanIds.AsSpan(0, Spans))
            ids.WriteUInt64BigEndian(id);

        _page.WriteVarint((uint)Traces);
        _page.WriteVarint((uint)Spans);
        _page.WriteVarint(MinStart);
        _page.WriteByte(startUnit);
        _page.WriteByte(durationUnit);
        searchLength = PageCompression.Write(_columns, _page);
        return _page.Memory;
    }

    public void Clear()
    {
        _dictionary.Clear();
        foreach (var column in _columns)
            column.Clear();
        Traces = Spans = 0;
        MinStart = ulong.MaxValue;
        MaxStart = 0;
    }

    private ColumnBuffer Column(PageColumn column) => _columns[(int)column];

    private void Grow()
    {
        var length = Spans * 2;
        Array.Resize(ref _spanIds, length);
        Array.Resize(ref _parents, length);
        Array.Resize(ref _starts, length);
        Array.Resize(ref _durations, length);
    }

    // A parent is nearly always a span of the same trace, so its position there says which, in one byte instead of eight.
    private void WriteParents(int count)
    {
        var ids = _spanIds.AsSpan(_traceFirstSpan, count);
        var column = Column(PageColumn.Parents);
        if (count > ScannedSpans)
        {
            _places.Clear();
            for (var i = 0; i < ids.Length; i++)
                _places.TryAdd(ids[i], i);
        }

        foreach (var parent in _parents.AsSpan(_traceFirstSpan, count))
        {
            if (parent == 0)
            {
                column.WriteByte(0);
                continue;
            }

            var place = count <= ScannedSpans ? ids.IndexOf(parent) : _places.GetValueOrDefault(parent, -1);
            if (place >= 0)
            {
                column.WriteVarint((uint)place + 2);
            }
            else
            {
                column.WriteByte(1);
                column.WriteUInt64BigEndian(parent);
            }
        }
    }

    // Many clocks tick in microseconds or milliseconds, and then so does the column. Returns the unit as a power of 1000.
    private static byte WriteTimes(ColumnBuffer column, ReadOnlySpan<ulong> values)
    {
        byte unit = 2;
        ulong divisor = 1_000_000;
        foreach (var value in values)
        {
            while (value % divisor != 0)
            {
                unit--;
                divisor /= 1000;
            }
        }

        var target = column.Reserve(values.Length * 10);
        var position = 0;
        foreach (var value in values)
            ProtoWire.WriteVarint(target, ref position, unit == 0 ? value : value / divisor);
        column.Advance(position);
        return unit;
    }

    private void WriteDictionary(ColumnBuffer column)
    {
        WriteEntries(column, _dictionary.Resources);
        WriteEntries(column, _dictionary.Scopes);
        WriteEntries(column, _dictionary.Texts);
        WriteEntries(column, _dictionary.Attributes);
        WriteEntries(column, _dictionary.Keys);
        column.WriteVarint((uint)_dictionary.Shapes.Count);
        for (var i = 0; i < _dictionary.Shapes.Count; i++)
        {
            var shape = _dictionary.Shape(i);
            column.WriteVarint((uint)shape.Length);
            foreach (var number in shape)
                column.WriteVarint(number);
        }
    }

    private static void WriteEntries(ColumnBuffer column, ByteInterner entries)
    {
        column.WriteVarint((uint)entries.Count);
        for (var i = 0; i < entries.Count; i++)
        {
            column.WriteVarint((uint)entries[i].Length);
            column.WriteBytes(entries[i]);
        }
    }
}
