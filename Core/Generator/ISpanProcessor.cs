using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Generator;

/// <summary>Turns spans into updates of the tenant's series. One caller at a time.</summary>
internal interface ISpanProcessor
{
    /// <summary>Processes the spans at the given positions of a batch, and keeps no reference to the batch.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="spans">Positions in <see cref="SpanBatch.Spans"/>, ascending.</param>
    /// <param name="nowMs">Steady milliseconds.</param>
    void Push(SpanBatch batch, ReadOnlySpan<int> spans, long nowMs);
}
