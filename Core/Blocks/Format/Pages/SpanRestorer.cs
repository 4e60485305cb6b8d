using System.Buffers.Binary;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Blocks.Format.Pages;

/// <summary>Turns rows back into OTLP spans. One restorer serves one dictionary while that does not change, so that spans of the same resource share its bytes.</summary>
internal sealed class SpanRestorer(SpanDictionary dictionary)
{
    private const int Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5;

    private readonly Dictionary<uint, byte[]> _resources = [];
    private readonly Dictionary<uint, byte[]> _scopes = [];
    private readonly ColumnBuffer _span = new();

    /// <summary>Restores the span of a row.</summary>
    /// <param name="trace">Its trace.</param>
    /// <param name="row">The span's own values; its shape is a number in the dictionary.</param>
    /// <param name="inline">Its inline values.</param>
    /// <param name="other">Its other fields.</param>
    public FoundSpan Restore(TraceId trace, in SpanRow row, ReadOnlySpan<byte> inline, ReadOnlySpan<byte> other)
    {
        var shape = dictionary.Shape(row.Shape);
        var values = new ColumnReader(inline);
        _span.Clear();
        Tag(1, Bytes);
        _span.WriteByte(TraceId.Length);
        trace.Write(_span.Append(TraceId.Length));
        WriteId(2, row.SpanId);
        if (row.ParentSpanId != 0)
            WriteId(4, row.ParentSpanId);
        WriteText(5, Text(shape[SpanShape.Name], ref values));
        var statusMessage = Text(shape[SpanShape.StatusMessage], ref values);
        WriteNumber(6, shape[SpanShape.Kind]);
        WriteTime(7, row.StartTimeUnixNano);
        WriteTime(8, row.StartTimeUnixNano + row.DurationNano);
        foreach (var attribute in shape[SpanShape.FirstAttribute..])
            WriteAttribute(attribute, ref values);
        _span.WriteBytes(other);
        WriteStatus(statusMessage, shape[SpanShape.Status]);
        if (shape[SpanShape.Flags] is not 0 and var flags)
        {
            Tag(16, Fixed32);
            _span.WriteUInt32(flags);
        }

        return new FoundSpan
        {
            SpanId = row.SpanId,
            Kind = (SpanKind)(int)shape[SpanShape.Kind],
            StartTimeUnixNano = row.StartTimeUnixNano,
            Resource = Shared(_resources, dictionary.Resources, shape[SpanShape.Resource]),
            Scope = Shared(_scopes, dictionary.Scopes, shape[SpanShape.Scope]),
            Span = _span.Bytes.ToArray(),
        };
    }

    private static byte[] Shared(Dictionary<uint, byte[]> held, ByteInterner all, uint id)
    {
        if (!held.TryGetValue(id, out var bytes))
            held[id] = bytes = all[(int)id].ToArray();
        return bytes;
    }

    private static ReadOnlySpan<byte> Next(ref ColumnReader values) => values.ReadBytes(values.ReadCount(values.Left));

    private ReadOnlySpan<byte> Text(uint code, ref ColumnReader values) => code switch
    {
        SpanShape.NoText => [],
        SpanShape.InlineText => Next(ref values),
        _ => dictionary.Texts[SpanShape.TextId(code)],
    };

    private void Tag(int field, int wireType) => _span.WriteVarint((uint)((field << 3) | wireType));

    private void WriteId(int field, ulong id)
    {
        Tag(field, Bytes);
        _span.WriteByte(sizeof(ulong));
        BinaryPrimitives.WriteUInt64BigEndian(_span.Append(sizeof(ulong)), id);
    }

    private void WriteText(int field, ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty)
            return;
        Tag(field, Bytes);
        _span.WriteVarint((uint)text.Length);
        _span.WriteBytes(text);
    }

    private void WriteNumber(int field, uint value)
    {
        if (value == 0)
            return;
        Tag(field, Varint);

        // An enum is an int32, and a negative one is sign-extended on the wire.
        _span.WriteVarint((ulong)(long)(int)value);
    }

    private void WriteTime(int field, ulong unixNano)
    {
        if (unixNano == 0)
            return;
        Tag(field, Fixed64);
        _span.WriteUInt64(unixNano);
    }

    private void WriteAttribute(uint attribute, ref ColumnReader values)
    {
        Tag(9, Bytes);
        if (!SpanShape.IsInline(attribute))
        {
            var whole = dictionary.Attributes[SpanShape.IdOf(attribute)];
            _span.WriteVarint((uint)whole.Length);
            _span.WriteBytes(whole);
            return;
        }

        var key = dictionary.Keys[SpanShape.IdOf(attribute)];
        var rest = Next(ref values);
        _span.WriteVarint((uint)(1 + ProtoWire.VarintLength((ulong)key.Length) + key.Length + rest.Length));
        WriteKey(key);
        _span.WriteBytes(rest);
    }

    private void WriteKey(ReadOnlySpan<byte> key)
    {
        Tag(1, Bytes);
        _span.WriteVarint((uint)key.Length);
        _span.WriteBytes(key);
    }

    // Tempo always answers with a status, even if the span was sent without one.
    private void WriteStatus(ReadOnlySpan<byte> message, uint code)
    {
        var length = (message.IsEmpty ? 0 : 1 + ProtoWire.VarintLength((ulong)message.Length) + message.Length)
            + (code == 0 ? 0 : 1 + ProtoWire.VarintLength((ulong)(long)(int)code));
        Tag(15, Bytes);
        _span.WriteVarint((uint)length);
        WriteText(2, message);
        WriteNumber(3, code);
    }
}
