using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Grains;

/// <summary>What goes to each of several grains: spans of any number of batches, divided by their trace IDs.</summary>
internal static class SpanParts
{
    /// <summary>Adds a batch's spans to the parts, in the split's order.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="split">Is used for it.</param>
    /// <param name="parts">A list for each grain; null for one that gets nothing.</param>
    /// <returns>The places of all its spans, which the parts refer to, those of a grain together.</returns>
    public static int[] Add(SpanBatch batch, TraceSplit split, List<SpanPart>?[] parts)
    {
        split.Split(batch, parts.Length);
        var places = new int[batch.Spans.Length];
        var begin = 0;
        for (var i = 0; i < parts.Length; i++)
        {
            var spans = split.Spans(i);
            if (spans.Length == 0)
                continue;
            spans.CopyTo(places.AsSpan(begin));
            (parts[i] ??= []).Add(new SpanPart(batch, places.AsMemory(begin, spans.Length)));
            begin += spans.Length;
        }

        return places;
    }
}
