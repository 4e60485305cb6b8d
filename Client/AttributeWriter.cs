using System.Collections;
using System.Globalization;

namespace OrleansTempo.Client;

/// <summary>
/// Writes the attributes of one thing, each as an OTLP <c>KeyValue</c> in a field of the message that is being written, and
/// counts those that there was no room for.
/// </summary>
/// <param name="field">The field's number.</param>
/// <param name="maxCount">How many are written.</param>
/// <param name="maxLength">How many characters of a text are written.</param>
internal struct AttributeWriter(ProtobufBuffer buffer, int field, int maxCount = int.MaxValue, int maxLength = int.MaxValue)
{
    // Values within values: one that contains itself would have no end.
    private const int MaxDepth = 8;

    private int _written;

    /// <summary>How many were not written.</summary>
    public int Dropped { get; private set; }

    public void Write(string key, object? value)
    {
        if (_written == maxCount)
        {
            Dropped++;
            return;
        }

        var length = buffer.Length;
        try
        {
            WriteKeyValue(field, key, value, 0);
            _written++;
        }
        catch (Exception)
        {
            // It is the application's object: it may fail in ToString(), or change while it is read. That costs the attribute and no more.
            buffer.Length = length;
            Dropped++;
        }
    }

    private readonly void WriteKeyValue(int field, string key, object? value, int depth)
    {
        var keyValue = buffer.Begin(field);
        buffer.WriteText(1, key);
        var any = buffer.Begin(2);
        WriteValue(value, depth);
        buffer.End(any);
        buffer.End(keyValue);
    }

    private readonly void WriteValue(object? value, int depth)
    {
        switch (value)
        {
            case null:
                break;
            case string text:
                WriteText(text);
                break;
            case bool flag:
                buffer.WriteVarint(2, flag ? 1u : 0u);
                break;
            case sbyte or byte or short or ushort or int or uint or long:
                buffer.WriteVarint(3, (ulong)Convert.ToInt64(value, CultureInfo.InvariantCulture));
                break;
            case ulong and <= long.MaxValue:
                buffer.WriteVarint(3, (ulong)value);
                break;
            case float or double:
                buffer.WriteDouble(4, Convert.ToDouble(value, CultureInfo.InvariantCulture));
                break;
            case byte[] bytes:
                bytes.CopyTo(buffer.WriteBytes(7, bytes.Length));
                break;
            case IEnumerable<KeyValuePair<string, object?>> pairs and ICollection when depth < MaxDepth:
                var list = buffer.Begin(6);
                foreach (var (key, inner) in pairs)
                    WriteKeyValue(1, key, inner, depth + 1);
                buffer.End(list);
                break;
            case ICollection values when depth < MaxDepth:
                var array = buffer.Begin(5);
                foreach (var inner in values)
                {
                    var any = buffer.Begin(1);
                    WriteValue(inner, depth + 1);
                    buffer.End(any);
                }

                buffer.End(array);
                break;
            default:
                WriteText(Convert.ToString(value, CultureInfo.InvariantCulture) ?? "");
                break;
        }
    }

    private readonly void WriteText(string text)
    {
        var length = Math.Min(text.Length, maxLength);
        // Half a character is none.
        if (length < text.Length && length > 0 && char.IsHighSurrogate(text[length - 1]))
            length--;
        buffer.WriteText(1, text.AsSpan(0, length));
    }
}
