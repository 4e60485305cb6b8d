using OrleansTempo.Core.Blocks.Format.Pages;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Blocks.Format;

/// <summary>A decoded page: its dictionary, and its spans as rows, trace by trace. One page object reads many pages in turn, reusing its arrays.</summary>
internal sealed class BlockPage
{
    // No page ever written has more; a damaged one that claims to must not make us allocate for it.
    private const int MaxSpans = 1 << 20;
    private const int MaxColumnBytes = 256 << 20;

    private readonly byte[][] _columns = [.. Enumerable.Repeat(Array.Empty<byte>(), PageBuilder.ColumnCount)];
    private readonly int[] _lengths = new int[PageBuilder.ColumnCount];
    private int[] _inlineCounts = [];
    private PageTrace[] _traces = [];
    private SpanRow[] _rows = [];
    private int[] _inlineOffsets = [];
    private int[] _otherOffsets = [];

    public SpanDictionary Dictionary { get; } = new();

    public int TraceCount { get; private set; }

    public int SpanCount { get; private set; }

    public ReadOnlySpan<PageTrace> Traces => _traces.AsSpan(0, TraceCount);

    public ref readonly SpanRow Row(int span) => ref _rows[span];

    /// <summary>A span's inline values, each a varint length and bytes.</summary>
    public ReadOnlySpan<byte> Inline(int span) => Column(PageColumn.Inline).Slice(_inlineOffsets[span], _rows[span].InlineLength);

    /// <summary>A span's other fields: protobuf with tags.</summary>
    public ReadOnlySpan<byte> Other(int span) => Column(PageColumn.Other).Slice(_otherOffsets[span], _rows[span].OtherLength);

    /// <summary>The index of the page's first trace with that ID, or -1.</summary>
    public int IndexOf(TraceId trace)
    {
        int low = 0, high = TraceCount - 1;
        while (low <= high)
        {
            var middle = (low + high) >> 1;
            var order = _traces[middle].TraceId.CompareTo(trace);
            if (order == 0)
                return middle;
            if (order < 0)
                low = middle + 1;
            else
                high = middle - 1;
        }

        return -1;
    }

    /// <exception cref="InvalidDataException">The bytes are not a page.</exception>
    public void Read(ReadOnlySpan<byte> page)
    {
        var header = new ColumnReader(page);
        TraceCount = header.ReadCount(MaxSpans);
        SpanCount = header.ReadCount(MaxSpans);
        var minStart = header.ReadVarint();
        var startUnit = Unit(header.ReadByte());
        var durationUnit = Unit(header.ReadByte());
        ReadColumns(page, ref header);
        ReadDictionary();
        ReadTraces(minStart);
        ReadSpans(startUnit, durationUnit);
    }

    private ReadOnlySpan<byte> Column(PageColumn column) => _columns[(int)column].AsSpan(0, _lengths[(int)column]);

    private static ulong Unit(byte power) => power switch
    {
        0 => 1,
        1 => 1000,
        2 => 1_000_000,
        _ => throw new InvalidDataException($"the time unit 1000^{power} ns is unknown"),
    };

    private void ReadColumns(ReadOnlySpan<byte> page, ref ColumnReader header)
    {
        Span<(byte Codec, int Stored)> columns = stackalloc (byte, int)[PageBuilder.ColumnCount];
        for (var i = 0; i < columns.Length; i++)
        {
            var codec = header.ReadByte();
            _lengths[i] = header.ReadCount(MaxColumnBytes);
            columns[i] = (codec, header.ReadCount(page.Length));
        }

        for (var i = 0; i < columns.Length; i++)
        {
            if (_columns[i].Length < _lengths[i])
                _columns[i] = new byte[Math.Max(_lengths[i], _columns[i].Length * 2)];
            PageCompression.Read(columns[i].Codec, header.ReadBytes(columns[i].Stored), _columns[i].AsSpan(0, _lengths[i]));
        }
    }

    private void ReadDictionary()
    {
        Dictionary.Clear();
        var reader = new ColumnReader(Column(PageColumn.Dictionary));
        ReadEntries(ref reader, Dictionary.Resources);
        ReadEntries(ref reader, Dictionary.Scopes);
        ReadEntries(ref reader, Dictionary.Texts);
        ReadEntries(ref reader, Dictionary.Attributes);
        ReadEntries(ref reader, Dictionary.Keys);

        var shapes = reader.ReadCount(reader.Left);
        if (_inlineCounts.Length < shapes)
            _inlineCounts = new int[shapes];
        uint[] buffer = [];
        for (var i = 0; i < shapes; i++)
        {
            var length = reader.ReadCount(reader.Left);
            if (buffer.Length < length)
                buffer = new uint[Math.Max(32, length * 2)];
            var shape = buffer.AsSpan(0, length);
            for (var n = 0; n < length; n++)
                shape[n] = (uint)reader.ReadVarint();
            CheckShape(shape);
            Dictionary.Shapes.Append(System.Runtime.InteropServices.MemoryMarshal.AsBytes(shape));
            _inlineCounts[i] = SpanShape.CountInline(shape);
        }
    }

    private static void ReadEntries(ref ColumnReader reader, ByteInterner entries)
    {
        var count = reader.ReadCount(reader.Left);
        for (var i = 0; i < count; i++)
            entries.Append(reader.ReadBytes(reader.ReadCount(reader.Left)));
    }

    // Users of a shape look up its numbers without checking them again.
    private void CheckShape(ReadOnlySpan<uint> shape)
    {
        if (shape.Length < SpanShape.FirstAttribute)
            throw new InvalidDataException($"a shape has {shape.Length} numbers, but needs at least {SpanShape.FirstAttribute}");
        var sound = shape[SpanShape.Resource] < Dictionary.Resources.Count
            && shape[SpanShape.Scope] < Dictionary.Scopes.Count
            && SpanShape.TextId(shape[SpanShape.Name]) < Dictionary.Texts.Count
            && SpanShape.TextId(shape[SpanShape.StatusMessage]) < Dictionary.Texts.Count;
        foreach (var attribute in shape[SpanShape.FirstAttribute..])
            sound &= SpanShape.IdOf(attribute) < (SpanShape.IsInline(attribute) ? Dictionary.Keys.Count : Dictionary.Attributes.Count);
        if (!sound)
            throw new InvalidDataException("a shape refers to an entry that is not in the dictionary");
    }

    private void ReadTraces(ulong minStart)
    {
        if (_traces.Length < TraceCount)
            _traces = new PageTrace[TraceCount];
        var ids = new ColumnReader(Column(PageColumn.TraceIds));
        var counts = new ColumnReader(Column(PageColumn.SpanCounts));
        var starts = new ColumnReader(Column(PageColumn.TraceStarts));
        var firstSpan = 0;
        for (var i = 0; i < TraceCount; i++)
        {
            var count = counts.ReadCount(SpanCount - firstSpan);
            _traces[i] = new PageTrace { TraceId = ids.ReadTraceId(), FirstSpan = firstSpan, SpanCount = count, StartTimeUnixNano = minStart + starts.ReadVarint() };
            firstSpan += count;
        }

        if (firstSpan != SpanCount)
            throw new InvalidDataException($"the traces add up to {firstSpan} spans, but the page has {SpanCount}");
    }

    private void ReadSpans(ulong startUnit, ulong durationUnit)
    {
        if (_rows.Length < SpanCount)
        {
            _rows = new SpanRow[SpanCount];
            _inlineOffsets = new int[SpanCount];
            _otherOffsets = new int[SpanCount];
        }

        var shapes = new ColumnReader(Column(PageColumn.Shapes));
        var starts = new ColumnReader(Column(PageColumn.Starts));
        var durations = new ColumnReader(Column(PageColumn.Durations));
        var ids = new ColumnReader(Column(PageColumn.SpanIds));
        var inline = new ColumnReader(Column(PageColumn.Inline));
        var other = new ColumnReader(Column(PageColumn.Other));
        foreach (ref readonly var trace in Traces)
        {
            for (var span = trace.FirstSpan; span < trace.FirstSpan + trace.SpanCount; span++)
            {
                ref var row = ref _rows[span];
                row = default;
                row.SpanId = ids.ReadUInt64BigEndian();
                row.StartTimeUnixNano = trace.StartTimeUnixNano + (starts.ReadVarint() * startUnit);
                row.DurationNano = (ulong)ProtoWire.UnZigZag(durations.ReadVarint() * durationUnit);
                row.Shape = shapes.ReadCount(Dictionary.Shapes.Count - 1);

                _inlineOffsets[span] = inline.Position;
                for (var left = _inlineCounts[row.Shape]; left > 0; left--)
                    inline.ReadBytes(inline.ReadCount(inline.Left));
                row.InlineLength = inline.Position - _inlineOffsets[span];

                row.OtherLength = other.ReadCount(other.Left);
                _otherOffsets[span] = other.Position;
                other.ReadBytes(row.OtherLength);
            }
        }

        ReadParents();
    }

    private void ReadParents()
    {
        var parents = new ColumnReader(Column(PageColumn.Parents));
        foreach (ref readonly var trace in Traces)
        {
            for (var span = trace.FirstSpan; span < trace.FirstSpan + trace.SpanCount; span++)
            {
                var code = parents.ReadCount(trace.SpanCount + 1);
                _rows[span].ParentSpanId = code switch
                {
                    0 => 0,
                    1 => parents.ReadUInt64BigEndian(),
                    _ => _rows[trace.FirstSpan + code - 2].SpanId,
                };
            }
        }
    }
}
