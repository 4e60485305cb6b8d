using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using OrleansTempo.Core.Otlp.Buffers;

namespace OrleansTempo.Core.Otlp.Json;

/// <summary>
/// Turns an OTLP/JSON trace request into the protobuf that a sender would have encoded (fields in ascending order, defaults left out). Everything
/// after it then sees one form, and a span's size is its protobuf size.
/// <code>
/// {"spans":[{"name":"a","traceId":"0af7…"}]}
///   a message's fields are appended as they come:  name, traceId
///   then put in order:                             traceId, name
///   then given their length:                       tag, length, traceId, name
/// </code>
/// It follows OTLP's deviations from proto3 JSON: trace and span IDs are hexadecimal, and unknown keys are ignored.
/// </summary>
public static class OtlpJsonReader
{
    /// <summary>The maximum nesting depth of objects and arrays; an array within an array takes three levels.</summary>
    private const int MaxDepth = 128;


    // The longest known name has 22 characters, and each may be escaped in six bytes.
    private const int MaxNameBytes = 160;

    /// <summary>Appends the request in <paramref name="json"/> (UTF-8) to <paramref name="output"/>; on failure <paramref name="error"/> names the field, the byte offset and what is allowed.</summary>
    public static bool TryRead(ReadOnlySpan<byte> json, RequestBuffer output, out string error)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = MaxDepth });
        var encoder = new Encoder(output);
        try
        {
            reader.Read();
            encoder.Message(ref reader, OtlpJsonShape.Request);

            // The reader reports anything but white space after the request.
            reader.Read();
            error = "";
            return true;
        }
        catch (JsonException e)
        {
            error = $"malformed JSON at byte {reader.BytesConsumed}{encoder.Within}: {FirstSentence(e.Message)}";
            return false;
        }
        catch (FormatException e)
        {
            error = $"{encoder.Path} at byte {reader.TokenStartIndex}: {e.Message}";
            return false;
        }
        finally
        {
            encoder.Dispose();
        }
    }

    // The reader's messages end with a line and a position in it; our byte offset is clearer.
    private static string FirstSentence(string message)
    {
        var end = message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        return end < 0 ? message : message[..end];
    }

    // A field that has been appended, and where it starts in the output.
    private readonly record struct Segment(int Number, int Start);

    // A step on the path to the reader's position, for error messages.
    private record struct Step(string Name, int Index);

    private struct Encoder(RequestBuffer output) : IDisposable
    {
        private Segment[] _segments = ArrayPool<Segment>.Shared.Rent(64);
        private int _segmentCount;
        private readonly Step[] _path = ArrayPool<Step>.Shared.Rent(MaxDepth);
        private int _depth;

        public readonly string Path
        {
            get
            {
                var path = new StringBuilder();
                for (var i = 0; i < _depth; i++)
                {
                    if (i > 0)
                        path.Append('.');
                    path.Append(_path[i].Name);
                    if (_path[i].Index >= 0)
                        path.Append(CultureInfo.InvariantCulture, $"[{_path[i].Index}]");
                }

                return path.Length == 0 ? "the request" : path.ToString();
            }
        }

        public readonly string Within => _depth == 0 ? "" : $" (in {Path})";

        public readonly void Dispose()
        {
            ArrayPool<Segment>.Shared.Return(_segments);
            ArrayPool<Step>.Shared.Return(_path, clearArray: true);
        }

        /// <summary>Appends the fields of the reader's current object, in ascending order.</summary>
        public void Message(ref Utf8JsonReader reader, OtlpJsonShape shape)
        {
            if (reader.TokenType != JsonTokenType.StartObject)
                throw Unexpected(ref reader, "an object");

            var start = output.Length;
            var firstSegment = _segmentCount;
            var isOrdered = true;
            uint seen = 0;
            while (Next(ref reader) != JsonTokenType.EndObject)
            {
                var field = Find(ref reader, shape);
                Next(ref reader);
                if (field is null)
                {
                    reader.Skip();
                    continue;
                }

                if (reader.TokenType == JsonTokenType.Null)
                    continue;

                Enter(field.Name);
                if ((seen & 1u << field.Number) != 0)
                    throw new FormatException("the field appears twice");
                if (shape.IsOneOf && seen != 0)
                    throw new FormatException("the value already has another kind; only one is allowed");
                seen |= 1u << field.Number;

                if (_segmentCount > firstSegment && field.Number < _segments[_segmentCount - 1].Number)
                    isOrdered = false;
                if (_segmentCount == _segments.Length)
                    GrowSegments();
                _segments[_segmentCount++] = new(field.Number, output.Length);
                Field(ref reader, field, shape.IsOneOf);
                _depth--;
            }

            if (!isOrdered)
                Order(start, firstSegment);
            _segmentCount = firstSegment;
        }

        private void Field(ref Utf8JsonReader reader, OtlpJsonField field, bool writeDefault)
        {
            switch (field.Kind)
            {
                case OtlpJsonKind.Text:
                    Text(ref reader, field.Number, writeDefault);
                    break;
                case OtlpJsonKind.HexBytes:
                    Hex(ref reader, field.Number);
                    break;
                case OtlpJsonKind.Base64Bytes:
                    Base64(ref reader, field.Number, writeDefault);
                    break;
                case OtlpJsonKind.Bool:
                    if (reader.TokenType is not (JsonTokenType.True or JsonTokenType.False))
                        throw Unexpected(ref reader, "true or false");
                    Varint(field.Number, reader.TokenType == JsonTokenType.True ? 1u : 0, writeDefault);
                    break;
                case OtlpJsonKind.Integer:
                    Varint(field.Number, (ulong)Integer(ref reader, long.MinValue, long.MaxValue), writeDefault);
                    break;
                case OtlpJsonKind.Count:
                    Varint(field.Number, (ulong)Integer(ref reader, 0, uint.MaxValue), writeDefault);
                    break;
                case OtlpJsonKind.Fixed32:
                    Fixed(field.Number, (ulong)Integer(ref reader, 0, uint.MaxValue), 4, writeDefault);
                    break;
                case OtlpJsonKind.Fixed64:
                    Fixed(field.Number, (ulong)Integer(ref reader, 0, ulong.MaxValue), 8, writeDefault);
                    break;
                case OtlpJsonKind.Number:
                    Fixed(field.Number, BitConverter.DoubleToUInt64Bits(Number(ref reader)), 8, writeDefault);
                    break;
                case OtlpJsonKind.Choice:
                    Varint(field.Number, (ulong)EnumValue(ref reader, field), writeDefault);
                    break;
                case OtlpJsonKind.Message:
                    Nested(ref reader, field);
                    break;
                default:
                    Array(ref reader, field);
                    break;
            }
        }

        private void Array(ref Utf8JsonReader reader, OtlpJsonField field)
        {
            if (reader.TokenType != JsonTokenType.StartArray)
                throw Unexpected(ref reader, "an array");
            for (var i = 0; Next(ref reader) != JsonTokenType.EndArray; i++)
            {
                _path[_depth - 1].Index = i;

                // An array value keeps the positions of its elements, so a null element becomes an empty value. A null among spans or attributes is
                // dropped.
                if (reader.TokenType == JsonTokenType.Null)
                    NoValue(field);
                else
                    Nested(ref reader, field);
            }
        }

        private readonly void NoValue(OtlpJsonField field)
        {
            if (!field.Message.IsOneOf)
                return;
            Tag(field.Number, 2);
            RawVarint(0);
        }

        // The length precedes its content, so room for it is guessed, and the message is moved if the guess was wrong.
        private void Nested(ref Utf8JsonReader reader, OtlpJsonField field)
        {
            var shape = field.Message;
            Tag(field.Number, 2);
            var lengthStart = output.Length;
            output.GetMemory(ProtoWire.MaxVarintBytes);
            output.Length += shape.LengthBytes;
            Message(ref reader, shape);

            var length = output.Length - lengthStart - shape.LengthBytes;
            var lengthBytes = ProtoWire.VarintLength((ulong)length);
            if (lengthBytes != shape.LengthBytes)
            {
                output.GetMemory(ProtoWire.MaxVarintBytes);
                output.Array.AsSpan(lengthStart + shape.LengthBytes, length).CopyTo(output.Array.AsSpan(lengthStart + lengthBytes));
                output.Length = lengthStart + lengthBytes + length;
            }

            ProtoWire.WriteVarint(output.Array, ref lengthStart, (ulong)length);
        }

        // A stable sort for messages of up to 16 fields: insertion sort, then one pass through a scratch copy.
        private readonly void Order(int start, int firstSegment)
        {
            var count = _segmentCount - firstSegment;
            var segments = _segments.AsSpan(firstSegment, count);
            Span<int> ends = stackalloc int[32];
            for (var i = 0; i < count; i++)
                ends[segments[i].Number] = i + 1 < count ? segments[i + 1].Start : output.Length;
            for (var i = 1; i < count; i++)
            {
                var segment = segments[i];
                var j = i;
                for (; j > 0 && segments[j - 1].Number > segment.Number; j--)
                    segments[j] = segments[j - 1];
                segments[j] = segment;
            }

            var length = output.Length - start;
            var scratch = ArrayPool<byte>.Shared.Rent(length);
            output.Array.AsSpan(start, length).CopyTo(scratch);
            var position = start;
            foreach (var segment in segments)
            {
                var bytes = scratch.AsSpan(segment.Start - start, ends[segment.Number] - segment.Start);
                bytes.CopyTo(output.Array.AsSpan(position));
                position += bytes.Length;
            }

            ArrayPool<byte>.Shared.Return(scratch);
        }

        private readonly void Text(ref Utf8JsonReader reader, int number, bool writeDefault)
        {
            if (reader.TokenType != JsonTokenType.String)
                throw Unexpected(ref reader, "a string");
            var raw = reader.ValueSpan;
            if (!reader.ValueIsEscaped && Utf8.IsValid(raw))
            {
                Bytes(number, raw, writeDefault);
                return;
            }

            var text = ArrayPool<byte>.Shared.Rent(JsonText.MaxDecodedLength(raw));
            try
            {
                Bytes(number, text.AsSpan(0, JsonText.Decode(raw, text)), writeDefault);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(text);
            }
        }

        private readonly void Hex(ref Utf8JsonReader reader, int number)
        {
            if (reader.TokenType != JsonTokenType.String)
                throw Unexpected(ref reader, "a string of hexadecimal digits");
            var digits = reader.ValueSpan;
            if (digits.IsEmpty)
                return;
            if (digits.Length % 2 != 0)
                throw new FormatException($"'{Shorten(digits)}' has {digits.Length} hexadecimal digits; the number must be even");

            Tag(number, 2);
            RawVarint((ulong)digits.Length / 2);
            var target = output.GetMemory(digits.Length / 2).Span[..(digits.Length / 2)];
            if (Convert.FromHexString(digits, target, out _, out _) != OperationStatus.Done)
                throw new FormatException($"'{Shorten(digits)}' is not hexadecimal; only 0-9, a-f and A-F are allowed");
            output.Length += target.Length;
        }

        private readonly void Base64(ref Utf8JsonReader reader, int number, bool writeDefault)
        {
            if (reader.TokenType != JsonTokenType.String)
                throw Unexpected(ref reader, "a string of base64");

            // Both base64 alphabets are allowed, with or without padding; the decoder accepts only one form.
            var text = ArrayPool<byte>.Shared.Rent(JsonText.MaxDecodedLength(reader.ValueSpan) + 3);
            try
            {
                var length = JsonText.Decode(reader.ValueSpan, text);
                var digits = text.AsSpan(0, length);
                digits.Replace((byte)'-', (byte)'+');
                digits.Replace((byte)'_', (byte)'/');
                while (length % 4 != 0)
                    text[length++] = (byte)'=';
                if (System.Buffers.Text.Base64.DecodeFromUtf8InPlace(text.AsSpan(0, length), out var count) != OperationStatus.Done)
                    throw new FormatException($"'{Shorten(reader.ValueSpan)}' is not base64");
                Bytes(number, text.AsSpan(0, count), writeDefault);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(text);
            }
        }

        private static Int128 Integer(ref Utf8JsonReader reader, Int128 min, Int128 max)
        {
            if (reader.TokenType is not (JsonTokenType.Number or JsonTokenType.String))
                throw Unexpected(ref reader, "an integer");

            var text = reader.ValueSpan;
            Int128 value;
            if (Utf8Parser.TryParse(text, out ulong unsigned, out var consumed) && consumed == text.Length)
                value = unsigned;
            else if (Utf8Parser.TryParse(text, out long signed, out consumed) && consumed == text.Length)
                value = signed;

            // Writers without integers write 3.0 or 1e3; only the value counts.
            else if (Utf8Parser.TryParse(text, out decimal number, out consumed) && consumed == text.Length && decimal.IsInteger(number))
                value = (Int128)number;
            else
                throw new FormatException($"'{Shorten(text)}' is not an integer");

            return value >= min && value <= max ? value : throw new FormatException($"{Shorten(text)} is outside {min} to {max}");
        }

        private static double Number(ref Utf8JsonReader reader)
        {
            if (reader.TokenType is not (JsonTokenType.Number or JsonTokenType.String))
                throw Unexpected(ref reader, "a number");
            var text = reader.ValueSpan;
            if (reader.TokenType == JsonTokenType.String)
            {
                if (text.SequenceEqual("NaN"u8))
                    return double.NaN;
                if (text.SequenceEqual("Infinity"u8))
                    return double.PositiveInfinity;
                if (text.SequenceEqual("-Infinity"u8))
                    return double.NegativeInfinity;
            }

            // Digits, point and exponent, whatever the culture; a number too large for a double is an error, not infinity.
            return double.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value)
                ? value
                : throw new FormatException($"'{Shorten(text)}' is not a number; allowed are numbers, \"NaN\", \"Infinity\" and \"-Infinity\"");
        }

        private static long EnumValue(ref Utf8JsonReader reader, OtlpJsonField field)
        {
            if (reader.TokenType == JsonTokenType.String)
            {
                Span<byte> name = stackalloc byte[MaxNameBytes];
                var index = TryDecodeName(reader.ValueSpan, ref name) ? IndexOf(name, field.Values) : -1;
                if (index >= 0)
                    return index;
            }

            try
            {
                return (long)Integer(ref reader, int.MinValue, int.MaxValue);
            }
            catch (FormatException)
            {
                throw new FormatException($"'{Shorten(reader.ValueSpan)}' is neither a number nor one of {string.Join(", ", field.Values)}");
            }
        }

        private static int IndexOf(ReadOnlySpan<byte> name, string[] values)
        {
            for (var i = 0; i < values.Length; i++)
            {
                if (Ascii.Equals(name, values[i]))
                    return i;
            }

            return -1;
        }

        private static OtlpJsonField? Find(ref Utf8JsonReader reader, OtlpJsonShape shape)
        {
            return reader.ValueIsEscaped ? FindEscaped(reader.ValueSpan, shape) : Find(reader.ValueSpan, shape);
        }

        private static OtlpJsonField? Find(ReadOnlySpan<byte> name, OtlpJsonShape shape)
        {
            foreach (var field in shape.Fields)
            {
                if (name.SequenceEqual(field.NameUtf8) || name.SequenceEqual(field.OriginalNameUtf8))
                    return field;
            }

            return null;
        }

        private static OtlpJsonField? FindEscaped(ReadOnlySpan<byte> raw, OtlpJsonShape shape)
        {
            Span<byte> name = stackalloc byte[MaxNameBytes];
            return TryDecodeName(raw, ref name) ? Find(name, shape) : null;
        }

        // False for a name longer than any known one.
        private static bool TryDecodeName(ReadOnlySpan<byte> raw, ref Span<byte> name)
        {
            if (JsonText.MaxDecodedLength(raw) > name.Length)
                return false;
            name = name[..JsonText.Decode(raw, name)];
            return true;
        }

        private static JsonTokenType Next(ref Utf8JsonReader reader)
        {
            reader.Read();
            return reader.TokenType;
        }

        private void Enter(string name) => _path[_depth++] = new(name, -1);

        private void GrowSegments()
        {
            var larger = ArrayPool<Segment>.Shared.Rent(_segments.Length * 2);
            _segments.CopyTo(larger, 0);
            ArrayPool<Segment>.Shared.Return(_segments);
            _segments = larger;
        }

        private readonly void Bytes(int number, ReadOnlySpan<byte> bytes, bool writeDefault)
        {
            if (bytes.IsEmpty && !writeDefault)
                return;
            Tag(number, 2);
            RawVarint((ulong)bytes.Length);
            bytes.CopyTo(output.GetMemory(bytes.Length).Span);
            output.Length += bytes.Length;
        }

        private readonly void Varint(int number, ulong value, bool writeDefault)
        {
            if (value == 0 && !writeDefault)
                return;
            Tag(number, 0);
            RawVarint(value);
        }

        private readonly void Fixed(int number, ulong value, int bytes, bool writeDefault)
        {
            if (value == 0 && !writeDefault)
                return;
            Tag(number, bytes == 8 ? 1 : 5);
            BinaryPrimitives.WriteUInt64LittleEndian(output.GetMemory(8).Span, value);
            output.Length += bytes;
        }

        private readonly void Tag(int number, int wireType) => RawVarint((ulong)(number << 3 | wireType));

        private readonly void RawVarint(ulong value)
        {
            var written = 0;
            ProtoWire.WriteVarint(output.GetMemory(ProtoWire.MaxVarintBytes).Span, ref written, value);
            output.Length += written;
        }

        private static FormatException Unexpected(ref Utf8JsonReader reader, string expected) => new($"expected {expected}, found {reader.TokenType switch
        {
            JsonTokenType.StartObject => "an object",
            JsonTokenType.StartArray => "an array",
            JsonTokenType.String => $"the string '{Shorten(reader.ValueSpan)}'",
            JsonTokenType.Number => $"the number {Shorten(reader.ValueSpan)}",
            JsonTokenType.True => "true",
            JsonTokenType.False => "false",
            _ => "null",
        }}");

        private static string Shorten(ReadOnlySpan<byte> text) => text.Length <= 40 ? Encoding.UTF8.GetString(text) : Encoding.UTF8.GetString(text[..40]) + "…";
    }
}
