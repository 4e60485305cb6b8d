using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Generator;

/// <summary>Turns spans into updates of the tenant's series; called by one caller at a time.</summary>
internal interface ISpanProcessor
{
    /// <summary>Takes the spans at the given positions of a batch; keeps nothing of the batch afterwards.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="spans">Positions in <see cref="SpanBatch.Spans"/>, ascending.</param>
    /// <param name="nowMs">Steady milliseconds.</param>
    void Push(SpanBatch batch, ReadOnlySpan<int> spans, long nowMs);
}
