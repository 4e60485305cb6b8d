using System.Text;
using System.Text.Unicode;
using OrleansTempo.Core.Generator.Snapshots;

namespace OrleansTempo.Core.Generator.Samples;

/// <summary>
/// The labels of one entity, including external labels, encoded once as the <c>labels</c> fields of a remote write
/// <c>TimeSeries</c> and sorted by name. <c>__name__</c> and <c>le</c> differ between the series of an entity, so the bytes are
/// kept in three runs, and the labels of each series are <c>Head + __name__ + Middle + [le] + Tail</c>.
/// </summary>
public sealed class LabelSet : IEquatable<LabelSet>
{
    private readonly byte[] _bytes;
    private readonly int _nameSplit;
    private readonly int _bucketSplit;

    /// <param name="labels">Pairs of name and value in UTF-8, in any order, without <c>__name__</c> and <c>le</c>. Names must be unique and values not empty.</param>
    public LabelSet(IEnumerable<KeyValuePair<byte[], byte[]>> labels)
    {
        var sorted = labels.ToArray();
        Array.Sort(sorted, static (a, b) => a.Key.AsSpan().SequenceCompareTo(b.Key));
        using var stream = new MemoryStream();
        int? nameSplit = null, bucketSplit = null;
        foreach (var (name, value) in sorted)
        {
            if (nameSplit is null && IsBehindMetricName(name))
                nameSplit = (int)stream.Length;
            if (bucketSplit is null && IsBehindBucket(name))
                bucketSplit = (int)stream.Length;
            stream.Write(EncodeLabel(name, value));
        }

        _bytes = stream.ToArray();
        _nameSplit = nameSplit ?? _bytes.Length;
        _bucketSplit = bucketSplit ?? _bytes.Length;
    }

    private LabelSet(byte[] bytes, int nameSplit, int bucketSplit)
    {
        _bytes = bytes;
        _nameSplit = nameSplit;
        _bucketSplit = bucketSplit;
    }

    /// <summary>Whether one of the names is not valid for Prometheus; always false for labels that were not read with <see cref="FromEncoded"/>.</summary>
    internal bool HasInvalidName { get; private init; }

    /// <summary>All labels, encoded.</summary>
    internal ReadOnlySpan<byte> Encoded => _bytes;

    /// <summary>Labels that sort before <c>__name__</c>.</summary>
    public ReadOnlySpan<byte> Head => _bytes.AsSpan(0, _nameSplit);

    /// <summary>Labels between <c>__name__</c> and <c>le</c>.</summary>
    public ReadOnlySpan<byte> Middle => _bytes.AsSpan(_nameSplit, _bucketSplit - _nameSplit);

    /// <summary>Labels that sort after <c>le</c>.</summary>
    public ReadOnlySpan<byte> Tail => _bytes.AsSpan(_bucketSplit);

    /// <summary>Decodes the labels, sorted by name; for pages, relabelling and tests, not for the wire.</summary>
    public IEnumerable<KeyValuePair<string, string>> Decode()
    {
        for (var position = 0; position < _bytes.Length;)
        {
            position++;
            ReadLength(ref position);
            position++;
            var nameLength = ReadLength(ref position);
            var name = Encoding.UTF8.GetString(_bytes, position, nameLength);
            position += nameLength + 1;
            var valueLength = ReadLength(ref position);
            var value = Encoding.UTF8.GetString(_bytes, position, valueLength);
            position += valueLength;
            yield return new(name, value);
        }
    }

    /// <summary>The value of a label; empty if there is no label with that name.</summary>
    internal ReadOnlySpan<byte> ValueOf(ReadOnlySpan<byte> name)
    {
        for (var position = 0; position < _bytes.Length;)
        {
            position++;
            ReadLength(ref position);
            position++;
            var nameLength = ReadLength(ref position);
            var found = _bytes.AsSpan(position, nameLength);
            position += nameLength + 1;
            var valueLength = ReadLength(ref position);
            if (found.SequenceEqual(name))
                return _bytes.AsSpan(position, valueLength);
            position += valueLength;
        }

        return default;
    }

    /// <summary>Reads what <see cref="Encoded"/> returned; the bytes may have been corrupted since.</summary>
    /// <exception cref="InvalidDataException">The bytes are not encoded labels, sorted by name.</exception>
    internal static LabelSet FromEncoded(ReadOnlySpan<byte> encoded)
    {
        int? nameSplit = null, bucketSplit = null;
        var hasInvalidName = false;
        var former = ReadOnlySpan<byte>.Empty;
        var rest = new CompactReader(encoded);
        while (!rest.IsAtEnd)
        {
            var start = encoded.Length - rest.Left;
            var isLabel = rest.ReadByte() == 0x0A;
            var label = new CompactReader(rest.ReadText());
            isLabel &= label.ReadByte() == 0x0A;
            var name = label.ReadText();
            isLabel &= label.ReadByte() == 0x12;
            var value = label.ReadText();
            if (!isLabel || !label.IsAtEnd || value.IsEmpty || (start > 0 && name.SequenceCompareTo(former) <= 0) || !Utf8.IsValid(name) || !Utf8.IsValid(value))
                throw new InvalidDataException("these are not encoded labels");
            if (nameSplit is null && IsBehindMetricName(name))
                nameSplit = start;
            if (bucketSplit is null && IsBehindBucket(name))
                bucketSplit = start;
            hasInvalidName |= !LabelName.IsValid(name);
            former = name;
        }

        return new LabelSet(encoded.ToArray(), nameSplit ?? encoded.Length, bucketSplit ?? encoded.Length) { HasInvalidName = hasInvalidName };
    }

    public bool Equals(LabelSet? other) => other is not null && _bytes.AsSpan().SequenceEqual(other._bytes);

    public override bool Equals(object? obj) => Equals(obj as LabelSet);

    public override int GetHashCode() => (int)Utf8Hash.Of(_bytes);

    /// <summary>One <c>TimeSeries.labels</c> field: tag, length, and the <c>Label</c> message.</summary>
    public static byte[] EncodeLabel(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        var bodyLength = 2 + ProtoWire.VarintLength((ulong)name.Length) + name.Length + ProtoWire.VarintLength((ulong)value.Length) + value.Length;
        var bytes = new byte[1 + ProtoWire.VarintLength((ulong)bodyLength) + bodyLength];
        var position = 0;
        bytes[position++] = 0x0A;
        ProtoWire.WriteVarint(bytes, ref position, (ulong)bodyLength);
        ProtoWire.WriteField(bytes, ref position, 0x0A, name);
        ProtoWire.WriteField(bytes, ref position, 0x12, value);
        return bytes;
    }

    private static bool IsBehindMetricName(ReadOnlySpan<byte> name) => name.SequenceCompareTo("__name__"u8) > 0;

    private static bool IsBehindBucket(ReadOnlySpan<byte> name) => name.SequenceCompareTo("le"u8) > 0;

    private int ReadLength(ref int position) => (int)ProtoWire.ReadVarint(_bytes, ref position);
}
