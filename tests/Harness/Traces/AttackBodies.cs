using System.Buffers.Binary;

namespace OrleansTempo.Harness.Traces;

/// <summary>Requests (<c>ExportTraceServiceRequest</c>) that are small, or small when compressed, and made to cost a lot. Shared with <c>bench attack</c>.</summary>
internal static class AttackBodies
{
    // Two bytes each, and a record of memory for each.
    private static readonly byte[] s_empty = [0x12, 0x00];
    private static readonly byte[] s_emptyResourceSpans = [0x0A, 0x00];
    private static readonly byte[] s_keylessAttribute = [0x4A, 0x00];

    /// <summary>A valid span with attributes without a key.</summary>
    public static byte[] KeylessAttributes(int count) => Request(OfService("attacked"), Span(1, 1, 1, Repeat(s_keylessAttribute, count)));

    /// <summary>A <c>ResourceSpans</c> whose resource comes again and again, with one attribute each time.</summary>
    public static byte[] RepeatedResource(int times)
    {
        var parts = new MemoryStream();
        for (var i = 0; i < times; i++)
            parts.Write(Field(1, Field(1, Attribute($"k{i}", "v"))));
        return Request(parts.ToArray(), Span(1, 1, 1));
    }

    /// <summary>Spans without anything.</summary>
    public static byte[] EmptySpans(int count) => Field(1, Field(2, Repeat(s_empty, count)));

    /// <summary><c>ScopeSpans</c> without anything.</summary>
    public static byte[] EmptyScopes(int count) => Field(1, Repeat(s_empty, count));

    /// <summary><c>ResourceSpans</c> without anything.</summary>
    public static byte[] EmptyResources(int count) => Repeat(s_emptyResourceSpans, count);

    /// <summary>Client spans, each of a trace of its own. All trace IDs have the low half that once made every hash of theirs 0, and all span IDs are the same.</summary>
    /// <param name="count">How many.</param>
    /// <param name="first">The high half of the first trace's ID; those of the others follow.</param>
    public static byte[] CollidingTraces(int count, int first = 1) => Traces(count, first, 0x9E3779B97F4A7C15);

    /// <summary>As many client spans of as many traces, which differ in the low half from another request's.</summary>
    public static byte[] Traces(int count, int first, ulong low)
    {
        var spans = new MemoryStream();
        for (var i = 0; i < count; i++)
            spans.Write(Field(2, Span((ulong)(first + i), low, 7)));
        return Field(1, [.. OfService("attacked"), .. Field(2, spans.ToArray())]);
    }

    /// <summary>Spans of one trace. .NET's own hash of a span ID whose halves are the same is 0.</summary>
    public static byte[] OneTrace(int count, Func<ulong, ulong> spanId)
    {
        var spans = new MemoryStream();
        for (ulong i = 1; i <= (ulong)count; i++)
            spans.Write(Field(2, Span(1, 1, spanId(i))));
        return Field(1, [.. OfService("attacked"), .. Field(2, spans.ToArray())]);
    }

    /// <summary>Spans of as many names.</summary>
    public static byte[] SpanNames(int count, int first)
    {
        var spans = new MemoryStream();
        for (var i = first; i < first + count; i++)
            spans.Write(Field(2, Span((ulong)i + 1, 2, 7, Field(5, System.Text.Encoding.UTF8.GetBytes($"GET /cart/{i}")))));
        return Field(1, [.. OfService("attacked"), .. Field(2, spans.ToArray())]);
    }

    /// <summary>Ordinary spans, of about 200 bytes each.</summary>
    public static byte[] Ordinary(int bytes, int first = 1)
    {
        var spans = new MemoryStream();
        for (var i = 0; spans.Length < bytes; i++)
        {
            byte[] attributes =
            [
                .. Field(9, Attribute("http.request.method", "GET")),
                .. Field(9, Attribute("http.route", "/cart/{id}")),
                .. Field(9, Attribute("server.address", $"cart-{i % 10}")),
                .. Field(9, Attribute("url.path", $"/cart/{i}")),
            ];
            spans.Write(Field(2, Span((ulong)(first + i), 1, 7, [.. Field(5, "GET /cart/{id}"u8), .. attributes])));
        }

        return Field(1, [.. OfService("ordinary"), .. Field(2, spans.ToArray())]);
    }

    /// <summary>A field of a message: tag, length and content.</summary>
    public static byte[] Field(int number, ReadOnlySpan<byte> content)
    {
        var field = new byte[12 + content.Length];
        var position = 0;
        WriteVarint(field, ref position, ((uint)number << 3) | 2);
        WriteVarint(field, ref position, (uint)content.Length);
        content.CopyTo(field.AsSpan(position));
        return field[..(position + content.Length)];
    }

    /// <summary>The inside of a client span of the last millisecond.</summary>
    public static byte[] Span(ulong traceHigh, ulong traceLow, ulong spanId, ReadOnlySpan<byte> more = default)
    {
        var start = ((ulong)DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() * 1_000_000) - 1_000_000;
        Span<byte> ids = stackalloc byte[24], times = stackalloc byte[18];
        BinaryPrimitives.WriteUInt64BigEndian(ids, traceHigh);
        BinaryPrimitives.WriteUInt64BigEndian(ids[8..], traceLow);
        BinaryPrimitives.WriteUInt64BigEndian(ids[16..], spanId);
        (times[0], times[9]) = ((7 << 3) | 1, (8 << 3) | 1);
        BinaryPrimitives.WriteUInt64LittleEndian(times[1..], start);
        BinaryPrimitives.WriteUInt64LittleEndian(times[10..], start + 1_000_000);
        return [.. Field(1, ids[..16]), .. Field(2, ids[16..]), 6 << 3, 3, .. times, .. more];
    }

    /// <summary>The inside of a <c>KeyValue</c>.</summary>
    public static byte[] Attribute(string key, string value) =>
        [.. Field(1, System.Text.Encoding.UTF8.GetBytes(key)), .. Field(2, Field(1, System.Text.Encoding.UTF8.GetBytes(value)))];

    /// <summary>The field of a <c>ResourceSpans</c> that is its resource.</summary>
    public static byte[] OfService(string name) => Field(1, Field(1, Attribute("service.name", name)));

    /// <summary>A request of one span.</summary>
    public static byte[] Request(ReadOnlySpan<byte> resource, ReadOnlySpan<byte> span) => Field(1, [.. resource, .. Field(2, Field(2, span))]);

    private static byte[] Repeat(byte[] unit, int count)
    {
        var bytes = new byte[unit.Length * count];
        for (var i = 0; i < bytes.Length; i += unit.Length)
            unit.CopyTo(bytes, i);
        return bytes;
    }

    private static void WriteVarint(byte[] target, ref int position, uint value)
    {
        for (; value >= 0x80; value >>= 7)
            target[position++] = (byte)(value | 0x80);
        target[position++] = (byte)value;
    }
}
