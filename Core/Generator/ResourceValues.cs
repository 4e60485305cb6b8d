using System.Buffers;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Generator;

/// <summary>
/// The attribute values of the current resource that a processor needs, as text. Values that are not strings are converted once
/// per resource, not once per span: a list from a client may be megabytes long, and its spans a few bytes each.
/// </summary>
internal sealed class ResourceValues
{
    private readonly AttributePicker _picker;
    private readonly int _maxValueBytes;
    private readonly int[] _found;
    private readonly Slice[] _values;
    private readonly bool[] _isString;
    private readonly ArrayBufferWriter<byte> _texts = new();

    /// <param name="picker">Finds the attributes and defines their indices.</param>
    /// <param name="maxValueBytes">The maximum length of a label value in bytes; 0 for no limit. Not much more of a list is converted to text.</param>
    public ResourceValues(AttributePicker picker, int maxValueBytes)
    {
        _picker = picker;
        _maxValueBytes = maxValueBytes > 0 ? maxValueBytes : int.MaxValue;
        _found = new int[picker.Count];
        _values = new Slice[picker.Count];
        _isString = new bool[picker.Count];
    }

    /// <summary>Reads the values of a resource; the other methods then refer to it.</summary>
    public void Read(SpanBatch batch, int resource)
    {
        var attributes = batch.Attributes(batch.Resources[resource]);
        _picker.Pick(batch.Bytes, attributes, _found);
        _texts.ResetWrittenCount();
        for (var i = 0; i < _found.Length; i++)
        {
            if (_found[i] < 0)
                continue;
            ref readonly var attribute = ref attributes[_found[i]];
            _isString[i] = attribute.Kind == AttributeKind.String;
            if (_isString[i])
            {
                _values[i] = attribute.Value;
                continue;
            }

            var start = _texts.WrittenCount;
            AttributeText.Append(batch.Bytes, attribute, _texts, (int)Math.Min((long)start + _maxValueBytes, int.MaxValue));
            _values[i] = new Slice(start, _texts.WrittenCount - start);
        }
    }

    /// <summary>Whether the resource has the attribute, even if it is empty.</summary>
    public bool Has(int name) => _found[name] >= 0;

    /// <summary>The value; empty if there is none. The batch must be the one given to <see cref="Read"/>.</summary>
    public ReadOnlySpan<byte> Value(SpanBatch batch, int name)
    {
        if (_found[name] < 0)
            return default;
        var value = _values[name];
        return (_isString[name] ? batch.Bytes : _texts.WrittenSpan).Slice(value.Offset, value.Length);
    }
}
