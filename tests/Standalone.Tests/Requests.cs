using OrleansTempo.Core;
using OrleansTempo.Core.Otlp;

namespace OrleansTempo.Standalone.Tests;

/// <summary>Requests made byte by byte: spans of given traces, with IDs and a name and nothing else.</summary>
internal static class Requests
{
    public static SpanBatch Batch(params IEnumerable<(TraceId Trace, ulong Span)> spans) => Batch(0, spans);

    /// <summary>A batch, and its one lease.</summary>
    public static SpanBatch Batch(int nameLength, params IEnumerable<(TraceId Trace, ulong Span)> spans)
    {
        var request = Field(1, Field(2, [.. spans.SelectMany(s => Field(2, Span(s.Trace, s.Span, nameLength)))]));
        Assert.True(SpanBatch.TryRead(new RequestMemory(long.MaxValue).Copy(request), 0, out var batch, out var error), $"{error}");
        return batch;
    }

    private static byte[] Span(TraceId trace, ulong id, int nameLength)
    {
        var traceId = new byte[TraceId.Length];
        trace.Write(traceId);
        return [.. Field(1, traceId), .. Field(2, [.. BitConverter.GetBytes(id).Reverse()]), .. Field(3, new byte[nameLength])];
    }

    private static byte[] Field(int number, byte[] content)
    {
        var length = new List<byte>();
        var left = content.Length;
        for (; left >= 0x80; left >>= 7)
            length.Add((byte)(left | 0x80));
        return [(byte)((number << 3) | 2), .. length, (byte)left, .. content];
    }
}
