namespace OrleansTempo.Core.Generator.Samples;

/// <summary>An exemplar of a native histogram.</summary>
/// <param name="TraceId">The trace ID's 16 bytes as a big-endian number, see <see cref="Exemplar.ReadTraceId"/>.</param>
/// <param name="Value">What was observed, in the histogram's unit.</param>
/// <param name="TimestampMs">Unix milliseconds.</param>
public readonly record struct HistogramExemplar(UInt128 TraceId, double Value, long TimestampMs);
