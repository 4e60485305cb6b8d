using System.Diagnostics.CodeAnalysis;

namespace OrleansTempo.Core.Otlp.Reading;

/// <summary>
/// Maps each envelope of a trace's spans (<see cref="FoundSpan.Resource"/>, <see cref="FoundSpan.Scope"/>) to a value. It looks an envelope up by its
/// place in memory first, then by its bytes: spans found together share envelopes, and a client may have made them megabytes long. Off the hot path;
/// not thread-safe.
/// </summary>
public sealed class EnvelopeTable<T>
{
    private readonly Dictionary<ReadOnlyMemory<byte>, T> _byPlace = [];
    private readonly Dictionary<ReadOnlyMemory<byte>, T> _byBytes = new(new BytesComparer());

    public bool TryGet(ReadOnlyMemory<byte> envelope, [MaybeNullWhen(false)] out T value)
    {
        if (_byPlace.TryGetValue(envelope, out value))
            return true;
        if (!_byBytes.TryGetValue(envelope, out value))
            return false;
        _byPlace.Add(envelope, value);
        return true;
    }

    /// <summary>Adds an envelope that <see cref="TryGet"/> did not find.</summary>
    public void Add(ReadOnlyMemory<byte> envelope, T value)
    {
        _byBytes.Add(envelope, value);
        _byPlace.Add(envelope, value);
    }

    private sealed class BytesComparer : IEqualityComparer<ReadOnlyMemory<byte>>
    {
        public bool Equals(ReadOnlyMemory<byte> x, ReadOnlyMemory<byte> y) => x.Span.SequenceEqual(y.Span);

        public int GetHashCode(ReadOnlyMemory<byte> envelope) => (int)Utf8Hash.Of(envelope.Span);
    }
}
