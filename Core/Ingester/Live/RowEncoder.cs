using System.Buffers.Binary;
using OrleansTempo.Core.Blocks.Format.Pages;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Ingester.Live;

/// <summary>
/// Encodes the spans of a batch as rows of a generation: everything that spans have in common becomes the number of a shape, and of 275 bytes some 80
/// are left. It is on the per-span path: an attribute costs one comparison if it equals that of the last span with this name, and otherwise one
/// lookup of its bytes, key and value together; <c>bench micro --filter '*Ingest*'</c> measures it.
/// </summary>
internal sealed class RowEncoder
{
    // Once a key has more values than this in a generation (URLs, user IDs), its other values are stored inline: shared, each would grow the
    // dictionary for one span, and cost a shape of its own.
    private const int MaxSharedValues = 256;

    private const int MaxSharedTexts = 4096;

    // The same holds for keys: nothing keeps a client from inventing one for every span.
    private const int MaxKeys = 16_384;

    // Arrays grown beyond this for one request are not kept for the next: there is an encoder for every partition of every tenant.
    private const int MaxKeptLength = 16_384;

    private int[] _resources = [];
    private int[] _scopes = [];
    private uint[] _shape = new uint[64];
    private Slice[] _inline = new Slice[16];
    private int _inlineCount;
    private int _inlineBytes;
    private int _noLatest;
    private Generation _generation = null!;
    private SpanBatch _batch = null!;

    /// <summary>Starts a batch: the rows that follow are its spans, and go to this generation.</summary>
    public void Begin(SpanBatch batch, Generation generation)
    {
        _batch = batch;
        _generation = generation;
        if (_shape.Length > MaxKeptLength)
            _shape = new uint[64];
        if (_inline.Length > MaxKeptLength)
            _inline = new Slice[16];
        Reset(ref _resources, batch.Resources.Length);
        Reset(ref _scopes, batch.Scopes.Length);
    }

    /// <summary>Adds a span's row.</summary>
    /// <param name="span">A span of the batch.</param>
    /// <param name="previous">The previous row of its trace; 0 for none.</param>
    /// <returns>The row's reference.</returns>
    public uint Add(in SpanRecord span, uint previous)
    {
        var bytes = _batch.Bytes;
        var dictionary = _generation.Dictionary;
        _inlineCount = 0;
        _inlineBytes = 0;
        var length = SpanShape.FirstAttribute + span.AttributeCount;
        if (_shape.Length < length)
            _shape = new uint[length * 2];
        var shape = _shape.AsSpan(0, length);
        shape[SpanShape.Resource] = (uint)Resource(span.Resource);
        shape[SpanShape.Scope] = (uint)Scope(span.Scope);
        shape[SpanShape.Name] = TextCode(bytes, span.Name);
        shape[SpanShape.StatusMessage] = TextCode(bytes, span.StatusMessage);
        shape[SpanShape.Kind] = (uint)span.Kind;
        shape[SpanShape.Status] = (uint)span.Status;
        shape[SpanShape.Flags] = span.Flags;
        ref var latest = ref LatestShape(shape[SpanShape.Name]);
        var guess = latest >= 0 ? dictionary.Shape(latest) : [];
        var attributes = _batch.Attributes(span);
        var walk = new ProtobufFields(bytes, span.Message.Offset, span.Message.End);
        var walked = 0;
        for (var i = 0; i < attributes.Length; i++)
        {
            var place = SpanShape.FirstAttribute + i;
            shape[place] = !attributes[i].IsPlain ? OddAttribute(bytes, ref walk, ref walked, i)
                : place < guess.Length && IsGuessed(bytes, attributes[i], guess[place]) ? guess[place] : Attribute(bytes, attributes[i]);
        }

        if (latest < 0 || !shape.SequenceEqual(guess))
            latest = dictionary.InternShape(shape);

        var parent = span.ParentSpanId.Length == sizeof(ulong) ? BinaryPrimitives.ReadUInt64BigEndian(bytes.Slice(span.ParentSpanId.Offset, sizeof(ulong))) : 0;

        // A parent that is not a valid span ID is kept as it came.
        var oddParent = parent == 0 ? span.ParentSpanId : default;
        var other = span.HasOtherFields || !oddParent.IsEmpty ? OtherLength(bytes, span, oddParent) : 0;
        var row = new SpanRow
        {
            SpanId = BinaryPrimitives.ReadUInt64BigEndian(bytes.Slice(span.SpanId.Offset, sizeof(ulong))),
            ParentSpanId = parent,
            StartTimeUnixNano = span.StartTimeUnixNano,
            DurationNano = span.EndTimeUnixNano - span.StartTimeUnixNano,
            Shape = latest,
            InlineLength = _inlineBytes,
            OtherLength = other,
            Previous = previous,
        };
        var reference = _generation.Rows.Add(row, out var tail);
        if (_inlineCount > 0)
            WriteInline(bytes, tail);
        if (other > 0)
            WriteOther(bytes, span, oddParent, tail[_inlineBytes..]);
        return reference;
    }

    private static ReadOnlySpan<byte> Text(ReadOnlySpan<byte> bytes, Slice slice) => bytes.Slice(slice.Offset, slice.Length);

    private static void Reset(ref int[] ids, int count)
    {
        if (ids.Length < count || (ids.Length > MaxKeptLength && count <= MaxKeptLength))
            ids = new int[count * 2];
        ids.AsSpan(0, count).Fill(-1);
    }

    private int Resource(int resource)
    {
        ref var id = ref _resources[resource];
        return id >= 0 ? id : id = _generation.Dictionary.Resources.Intern(_batch.Envelope(_batch.Resources[resource]));
    }

    private int Scope(int scope)
    {
        ref var id = ref _scopes[scope];
        return id >= 0 ? id : id = _generation.Dictionary.Scopes.Intern(_batch.Envelope(_batch.Scopes[scope]));
    }

    private uint TextCode(ReadOnlySpan<byte> bytes, Slice slice)
    {
        if (slice.IsEmpty)
            return SpanShape.NoText;
        var texts = _generation.Dictionary.Texts;
        var text = Text(bytes, slice);
        var hash = (uint)Utf8Hash.Of(text);
        var id = texts.Find(text, hash);
        if (id < 0)
        {
            if (texts.Count >= MaxSharedTexts)
            {
                Inline(slice);
                return SpanShape.InlineText;
            }

            id = texts.Add(text, hash);
        }

        return SpanShape.OfText(id);
    }

    // Spans of one name mostly have the same attributes in the same order, so the previous span's are the first guess.
    private ref int LatestShape(uint name)
    {
        if (name is SpanShape.NoText or SpanShape.InlineText)
        {
            _noLatest = -1;
            return ref _noLatest;
        }

        var id = SpanShape.TextId(name);
        if (id >= _generation.LatestShapes.Length)
            _generation.ExtendLatestShapes(id);
        return ref _generation.LatestShapes[id];
    }

    private bool IsGuessed(ReadOnlySpan<byte> bytes, in AttributeRecord attribute, uint guess)
    {
        var dictionary = _generation.Dictionary;
        if (!SpanShape.IsInline(guess))
            return Text(bytes, attribute.PlainMessage).SequenceEqual(dictionary.Attributes[SpanShape.IdOf(guess)]);

        var key = SpanShape.IdOf(guess);
        if (_generation.ValuesOfKey[key] < MaxSharedValues || !Text(bytes, attribute.Key).SequenceEqual(dictionary.Keys[key]))
            return false;
        Inline(new Slice(attribute.Key.End, attribute.Value.End - attribute.Key.End));
        return true;
    }

    // An attribute that does not begin with its key and end with its value cannot be rebuilt from the two, so it is kept whole. The walk continues
    // from the span's previous odd attribute: starting over each time would take quadratic time for a client that sends thousands of them.
    private uint OddAttribute(ReadOnlySpan<byte> bytes, ref ProtobufFields walk, ref int walked, int index)
    {
        while (walk.MoveNext())
        {
            if (walk is { Field: 9, WireType: 2 } && walked++ == index)
                return SpanShape.OfAttribute(_generation.Dictionary.Attributes.Intern(Text(bytes, walk.Content)));
        }

        throw new InvalidOperationException("The span's bytes hold fewer attributes than the reader found.");
    }

    private uint Attribute(ReadOnlySpan<byte> bytes, in AttributeRecord attribute)
    {
        var message = Text(bytes, attribute.PlainMessage);
        var hash = (uint)Utf8Hash.Of(message);
        var id = _generation.Dictionary.Attributes.Find(message, hash);
        return id >= 0 ? SpanShape.OfAttribute(id) : NewAttribute(bytes, attribute, hash);
    }

    private uint NewAttribute(ReadOnlySpan<byte> bytes, in AttributeRecord attribute, uint hash)
    {
        var dictionary = _generation.Dictionary;
        var message = Text(bytes, attribute.PlainMessage);
        var keyText = Text(bytes, attribute.Key);
        var keyHash = (uint)Utf8Hash.Of(keyText);
        var key = dictionary.Keys.Find(keyText, keyHash);
        var values = _generation.ValuesOfKey;
        if (key < 0)
        {
            if (dictionary.Keys.Count >= MaxKeys)
                return SpanShape.OfAttribute(dictionary.Attributes.Add(message, hash));
            key = dictionary.Keys.Add(keyText, keyHash);
            values.Add(0);
        }

        if (values[key] < MaxSharedValues)
        {
            values[key]++;
            return SpanShape.OfAttribute(dictionary.Attributes.Add(message, hash));
        }

        Inline(new Slice(attribute.Key.End, attribute.Value.End - attribute.Key.End));
        return SpanShape.OfKey(key);
    }

    private void Inline(Slice value)
    {
        if (_inlineCount == _inline.Length)
            Array.Resize(ref _inline, _inlineCount * 2);
        _inline[_inlineCount++] = value;
        _inlineBytes += ProtoWire.VarintLength((ulong)value.Length) + value.Length;
    }

    private void WriteInline(ReadOnlySpan<byte> bytes, Span<byte> tail)
    {
        var position = 0;
        foreach (var value in _inline.AsSpan(0, _inlineCount))
        {
            ProtoWire.WriteVarint(tail, ref position, (ulong)value.Length);
            ProtoWire.WriteBytes(tail, ref position, bytes.Slice(value.Offset, value.Length));
        }
    }

    private static int OtherLength(ReadOnlySpan<byte> bytes, in SpanRecord span, Slice oddParent)
    {
        var length = 0;
        var fields = new ProtobufFields(bytes, span.Message.Offset, span.Message.End);
        while (fields.MoveNext())
        {
            if (IsOther(fields, oddParent))
                length += fields.Position - fields.Start;
        }

        return length;
    }

    private static void WriteOther(ReadOnlySpan<byte> bytes, in SpanRecord span, Slice oddParent, Span<byte> target)
    {
        var position = 0;
        var fields = new ProtobufFields(bytes, span.Message.Offset, span.Message.End);
        while (fields.MoveNext())
        {
            if (IsOther(fields, oddParent))
                ProtoWire.WriteBytes(target, ref position, bytes[fields.Start..fields.Position]);
        }
    }

    // Fields that the reader recognised are in the row or the shape.
    private static bool IsOther(in ProtobufFields field, Slice oddParent) => (field.Field, field.WireType) switch
    {
        (1 or 2 or 5 or 9 or 15, 2) => false,
        (4, 2) => !oddParent.IsEmpty && field.Content == oddParent,
        (6, 0) => false,
        (7 or 8, 1) => false,
        (16, 5) => false,
        _ => true,
    };
}
