using Google.Protobuf;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Tests.Otlp;
using Span = OrleansTempo.Tests.Otlp.Span;

namespace OrleansTempo.Core.Tests.Generator;

/// <summary>A batch of one span, read from its bytes.</summary>
internal sealed class OneSpan : IDisposable
{
    public OneSpan(Span span, params (string Key, object Value)[] resource)
    {
        var bytes = new ExportTraceServiceRequest
        {
            ResourceSpans =
            {
                new ResourceSpans
                {
                    Resource = new Resource { Attributes = { resource.Select(a => GeneratorBench.Attribute(a.Key, a.Value)) } },
                    ScopeSpans = { new ScopeSpans { Spans = { span } } },
                },
            },
        }.ToByteArray();
        Assert.True(SpanBatch.TryRead(new RequestMemory(long.MaxValue).Copy(bytes), 0, out var batch, out var error), error?.ToString());
        Batch = batch;
    }

    public SpanBatch Batch { get; }

    public void Dispose() => Batch.Release();
}
