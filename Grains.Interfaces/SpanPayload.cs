using System.Buffers;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Grains.Interfaces;

/// <summary>
/// Spans on their way to a grain. Within a silo it holds the sender's batches themselves, and nothing is copied; to another silo they are sent as one
/// <c>ExportTraceServiceRequest</c>, and parsed again there.
/// <code>
///   sender ─ parts ─┬─ same silo ─────────────────────────────► parts
///                   └─ OTLP bytes ═══ another silo ═══► read ─► one part
/// </code>
/// The sender keeps a lease of its batches until the call completes. If it does not learn whether the call arrived, it abandons them
/// (<see cref="SpanBatch.Abandon"/>), because the call may still be on its way.
/// </summary>
[Immutable, Alias("orleanstempo.SpanPayload")]
internal sealed class SpanPayload
{
    private readonly IReadOnlyList<SpanPart> _parts;
    private readonly RequestBuffer? _received;

    /// <param name="parts">The spans; all their batches must be prepared, see <see cref="SpanBatch.Prepare"/>.</param>
    /// <param name="isReplayed">Whether they come from a log and were accepted before, so that no limit may refuse them.</param>
    public SpanPayload(IReadOnlyList<SpanPart> parts, bool isReplayed = false)
    {
        _parts = parts;
        IsReplayed = isReplayed;
    }

    internal SpanPayload(RequestBuffer received, bool isReplayed)
    {
        _parts = [];
        _received = received;
        IsReplayed = isReplayed;
    }

    public bool IsReplayed { get; }

    /// <summary>Whether it is still in the process that created it.</summary>
    public bool IsLocal => _received is null;

    /// <summary>The bytes in which the spans arrived from another silo, valid until the reading is closed.</summary>
    public ReadOnlyMemory<byte> Received => _received is { } buffer ? buffer.Array.AsMemory(0, buffer.Length) : default;

    /// <summary>Begins reading the spans; do this once, and end it with <see cref="Reading.Dispose"/>.</summary>
    /// <exception cref="InvalidDataException">The bytes from another silo are not a valid request.</exception>
    public Reading Open()
    {
        if (_received is not { } buffer)
            return new Reading(_parts, null);
        if (!SpanBatch.TryRead(buffer, 0, out var batch, out var error))
            throw new InvalidDataException($"cannot read the spans from another silo: {error}");
        return new Reading([SpanPart.Whole(batch)], batch);
    }

    /// <summary>
    /// Resolves the places in an answer to spans of the parts. Places number all spans of the payload, part after part and each in its batch's order,
    /// which is their order in the bytes for another silo.
    /// </summary>
    public IEnumerable<(SpanPart Part, int Span)> Find(IEnumerable<int> places)
    {
        var all = _parts.SelectMany(static part => Ascending(part).Select(span => (part, span))).ToArray();
        return places.Select(place => all[place]);
    }

    /// <summary>The inverse of <see cref="Find"/>: the places, in the payload, of a part's spans.</summary>
    /// <param name="part">The index in <see cref="Reading.Parts"/>.</param>
    /// <param name="spans">The spans' indexes in the part's batch.</param>
    /// <param name="parts">All parts.</param>
    public static IEnumerable<int> Place(int part, IEnumerable<int> spans, IReadOnlyList<SpanPart> parts)
    {
        var before = parts.Take(part).Sum(static p => p.Spans.Length);
        var ascending = Ascending(parts[part]);
        return spans.Select(span => before + Array.BinarySearch(ascending, span));
    }

    // Returns an array from the shared pool, which the caller gives back. Several requests, concatenated, are one request.
    internal ArraySegment<byte> Encode()
    {
        if (_received is not null)
        {
            var copy = ArrayPool<byte>.Shared.Rent(Received.Length);
            Received.CopyTo(copy);
            return new ArraySegment<byte>(copy, 0, Received.Length);
        }

        var ascending = _parts.Select(Ascending).ToArray();
        var length = 0;
        for (var i = 0; i < ascending.Length; i++)
            length += OtlpSubset.Length(_parts[i].Batch, ascending[i]);
        var bytes = ArrayPool<byte>.Shared.Rent(length);
        var written = 0;
        for (var i = 0; i < ascending.Length; i++)
            written += OtlpSubset.Write(_parts[i].Batch, ascending[i], bytes.AsSpan(written));
        return new ArraySegment<byte>(bytes, 0, written);
    }

    private static int[] Ascending(SpanPart part)
    {
        var spans = part.Spans.ToArray();
        Array.Sort(spans);
        return spans;
    }

    /// <summary>The spans of a payload while they are being read.</summary>
    public readonly struct Reading : IDisposable
    {
        private readonly SpanBatch? _own;

        internal Reading(IReadOnlyList<SpanPart> parts, SpanBatch? own)
        {
            Parts = parts;
            _own = own;
        }

        public IReadOnlyList<SpanPart> Parts { get; }

        /// <summary>Releases what was created for the reading; neither the parts nor the payload's bytes may be used afterwards.</summary>
        public void Dispose() => _own?.Release();
    }
}
