using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Grains.Interfaces;

/// <summary>A partition's answer to the spans it received.</summary>
[GenerateSerializer, Immutable, Alias("orleanstempo.IngestAnswer")]
internal sealed record IngestAnswer
{
    /// <summary>Null if the spans are in a write-ahead log; otherwise the reason why not, in a sentence.</summary>
    [Id(0)]
    public string? Unavailable { get; init; }

    /// <summary>
    /// The spans refused because the tenant has the maximum number of live traces, by their places in the payload (<see cref="SpanPayload.Place"/>);
    /// null for none.
    /// </summary>
    [Id(1)]
    public int[]? LiveTracesExceeded { get; init; }

    /// <summary>The spans refused because their trace has the maximum number of bytes, by their places in the payload; null for none.</summary>
    [Id(2)]
    public int[]? TracesTooLarge { get; init; }

    /// <summary>The answer to a payload.</summary>
    /// <param name="results">The result of each part of the payload.</param>
    /// <param name="parts">The payload's parts.</param>
    public static IngestAnswer Of(IReadOnlyList<IngestOutcome> results, IReadOnlyList<SpanPart> parts)
    {
        List<int>? liveTracesExceeded = null, tracesTooLarge = null;
        for (var i = 0; i < results.Count; i++)
        {
            if (results[i].Refusals is not { } refusals)
                continue;
            (liveTracesExceeded ??= []).AddRange(SpanPayload.Place(i, refusals.LiveTracesExceeded, parts));
            (tracesTooLarge ??= []).AddRange(SpanPayload.Place(i, refusals.TracesTooLarge, parts));
        }

        return new IngestAnswer
        {
            Unavailable = results.FirstOrDefault(static r => r.Unavailable is not null).Unavailable,
            LiveTracesExceeded = liveTracesExceeded?.ToArray(),
            TracesTooLarge = tracesTooLarge?.ToArray(),
        };
    }

    /// <summary>The refused spans of each batch of the payload, by their indexes in the batch; null for none.</summary>
    public IReadOnlyDictionary<SpanBatch, Refusals>? RefusalsIn(SpanPayload payload)
    {
        if (LiveTracesExceeded is null && TracesTooLarge is null)
            return null;
        var refusals = new Dictionary<SpanBatch, Refusals>();
        foreach (var (part, span) in payload.Find(LiveTracesExceeded ?? []))
            Of(part).AddLiveTracesExceeded(span);
        foreach (var (part, span) in payload.Find(TracesTooLarge ?? []))
            Of(part).AddTraceTooLarge(span);
        return refusals;

        Refusals Of(SpanPart part) => refusals.TryGetValue(part.Batch, out var known) ? known : refusals[part.Batch] = new Refusals();
    }
}
