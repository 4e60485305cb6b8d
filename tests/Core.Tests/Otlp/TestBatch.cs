using System.Buffers.Binary;
using Google.Protobuf;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Tests.Otlp;
using Span = OrleansTempo.Tests.Otlp.Span;

namespace OrleansTempo.Core.Tests.Otlp;

/// <summary>A batch for a test, with one lease of it.</summary>
internal sealed class TestBatch : IDisposable
{
    private TestBatch(SpanBatch batch) => Batch = batch;

    public SpanBatch Batch { get; }

    /// <summary>The indexes of all its spans.</summary>
    public int[] All => [.. Enumerable.Range(0, Batch.Spans.Length)];

    public static TestBatch Of(byte[] request, RequestMemory? memory = null)
    {
        Assert.True(SpanBatch.TryRead((memory ?? new RequestMemory(long.MaxValue)).Copy(request), 0, out var batch, out var error), $"{error}");
        return new TestBatch(batch);
    }

    public static TestBatch Of(ExportTraceServiceRequest request) => Of(request.ToByteArray());

    public static TestBatch Of(params IEnumerable<Span> spans) => Of(Request(spans));

    /// <summary>A batch with one span of each of these traces, in this order.</summary>
    public static TestBatch Of(IEnumerable<TraceId> traces) => Of(traces.Select((trace, i) => Span(trace, (ulong)i + 1)));

    public static ExportTraceServiceRequest Request(params IEnumerable<Span> spans) => new()
    {
        ResourceSpans = { new ResourceSpans { ScopeSpans = { new ScopeSpans { Spans = { spans } } } } },
    };

    public static Span Span(TraceId trace, ulong id, string name = "")
    {
        Span<byte> bytes = stackalloc byte[TraceId.Length];
        trace.Write(bytes);
        return new Span { TraceId = ByteString.CopyFrom(bytes), SpanId = SpanId(id), Name = name };
    }

    public static ByteString SpanId(ulong id)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, id);
        return ByteString.CopyFrom(bytes);
    }

    public void Dispose() => Batch.Release();
}
