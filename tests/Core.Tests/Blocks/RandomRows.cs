using OrleansTempo.Core.Blocks.Format.Pages;

namespace OrleansTempo.Core.Tests.Blocks;

/// <summary>Traces of rows with a dictionary, as random as possible.</summary>
internal sealed class RandomRows
{
    private readonly Random _random;

    public RandomRows(int seed, int traces, int spansPerTrace)
    {
        _random = new Random(seed);
        foreach (var entries in (ByteInterner[])[Dictionary.Resources, Dictionary.Scopes, Dictionary.Texts, Dictionary.Attributes, Dictionary.Keys])
        {
            for (var i = _random.Next(1, 20); i > 0; i--)
                entries.Intern(Bytes(_random.Next(10) == 0 ? 500 : 20));
        }

        for (var i = _random.Next(1, 30); i > 0; i--)
            Dictionary.InternShape(Shape());
        var tick = _random.Next(4) switch { 0 => 1UL, 1 => 1000UL, _ => 1_000_000UL };
        var id = new TraceId((ulong)_random.Next(3), 0);
        for (var i = 0; i < traces; i++)
        {
            id = _random.Next(4) == 0 ? new TraceId(id.High + 1, (ulong)_random.Next()) : id with { Low = id.Low + (ulong)_random.Next(1, 1000) };
            Traces.Add((id, [.. Enumerable.Range(0, _random.Next(1, spansPerTrace + 1)).Select(_ => Row(tick))]));
        }
    }

    public SpanDictionary Dictionary { get; } = new();

    /// <summary>In the order of their IDs.</summary>
    public List<(TraceId Id, List<(SpanRow Row, byte[] Inline, byte[] Other)> Rows)> Traces { get; } = [];

    private byte[] Bytes(int longest)
    {
        var bytes = new byte[_random.Next(longest)];
        _random.NextBytes(bytes);
        return bytes;
    }

    private uint[] Shape()
    {
        var shape = new uint[SpanShape.FirstAttribute + _random.Next(12)];
        shape[SpanShape.Resource] = (uint)_random.Next(Dictionary.Resources.Count);
        shape[SpanShape.Scope] = (uint)_random.Next(Dictionary.Scopes.Count);
        shape[SpanShape.Name] = Text();
        shape[SpanShape.StatusMessage] = Text();
        shape[SpanShape.Kind] = (uint)_random.Next(-1, 6);
        shape[SpanShape.Status] = (uint)_random.Next(-1, 3);
        shape[SpanShape.Flags] = (uint)_random.NextInt64();
        for (var i = SpanShape.FirstAttribute; i < shape.Length; i++)
            shape[i] = _random.Next(4) == 0 ? SpanShape.OfKey(_random.Next(Dictionary.Keys.Count)) : SpanShape.OfAttribute(_random.Next(Dictionary.Attributes.Count));
        return shape;
    }

    private uint Text() => _random.Next(4) switch
    {
        0 => SpanShape.NoText,
        1 => SpanShape.InlineText,
        _ => SpanShape.OfText(_random.Next(Dictionary.Texts.Count)),
    };

    private (SpanRow Row, byte[] Inline, byte[] Other) Row(ulong tick)
    {
        var shape = _random.Next(Dictionary.Shapes.Count);
        var inline = new ColumnBuffer();
        for (var i = SpanShape.CountInline(Dictionary.Shape(shape)); i > 0; i--)
        {
            var value = Bytes(200);
            inline.WriteVarint((uint)value.Length);
            inline.WriteBytes(value);
        }

        var other = _random.Next(3) == 0 ? Bytes(300) : [];
        var row = new SpanRow
        {
            SpanId = (ulong)_random.Next(1, 1000),
            ParentSpanId = _random.Next(3) switch { 0 => 0UL, 1 => (ulong)_random.Next(1, 1000), _ => (ulong)_random.NextInt64() },
            StartTimeUnixNano = (1_780_000_000_000UL + (ulong)_random.Next(100_000)) * 1_000_000,
            DurationNano = (ulong)_random.Next(-1000, 100_000) * tick,
            Shape = shape,
            InlineLength = inline.Length,
            OtherLength = other.Length,
        };
        if (_random.Next(200) == 0)
            (row.StartTimeUnixNano, row.DurationNano) = (_random.Next(2) == 0 ? ulong.MaxValue : 0, (ulong)_random.NextInt64() << 1);
        return (row, inline.Bytes.ToArray(), other);
    }
}
