using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Grains.Interfaces;

/// <summary>Spans of one batch.</summary>
/// <param name="Batch">The batch; its owner decides how long it is readable.</param>
/// <param name="Spans">The spans' indexes in the batch, each once, in any order.</param>
internal readonly record struct SpanPart(SpanBatch Batch, ReadOnlyMemory<int> Spans)
{
    /// <summary>All spans of a batch, in its order.</summary>
    public static SpanPart Whole(SpanBatch batch)
    {
        var spans = new int[batch.Spans.Length];
        for (var i = 0; i < spans.Length; i++)
            spans[i] = i;
        return new SpanPart(batch, spans);
    }
}
