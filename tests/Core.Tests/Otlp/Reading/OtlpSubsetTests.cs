using FsCheck;
using FsCheck.Fluent;
using Google.Protobuf;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Tests.Otlp;

namespace OrleansTempo.Core.Tests.Otlp.Reading;

public sealed class OtlpSubsetTests
{
    [Fact]
    public void Any_spans_of_any_request_are_a_request_with_their_own_resources_and_scopes()
    {
        var cases = from request in OtlpGen.RequestWithValidIds from seed in Gen.Choose(0, int.MaxValue) select (request, seed);
        Prop.ForAll(cases.ToArbitrary(), static sample =>
        {
            using var batch = TestBatch.Of(sample.request);
            var random = new Random(sample.seed);
            var spans = batch.All.Where(_ => random.Next(3) > 0).ToArray();

            var bytes = new byte[OtlpSubset.Length(batch.Batch, spans)];
            OtlpSubset.Write(batch.Batch, spans, bytes);

            var all = SentSpan.AllOf(sample.request.ToByteArray());
            Assert.Equal(spans.Select(i => all[i]), SentSpan.AllOf(bytes));
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Neighbours_share_their_resource_and_scope()
    {
        var request = TestBatch.Request(Enumerable.Range(1, 5).Select(i => TestBatch.Span(new TraceId(1, 1), (ulong)i)));
        request.ResourceSpans[0].Resource = new Resource { Attributes = { new KeyValue { Key = "service.name", Value = new AnyValue { StringValue = "shop" } } } };
        using var batch = TestBatch.Of(request);

        var bytes = new byte[OtlpSubset.Length(batch.Batch, [0, 2, 4])];
        OtlpSubset.Write(batch.Batch, [0, 2, 4], bytes);
        var subset = ExportTraceServiceRequest.Parser.ParseFrom(bytes);

        Assert.Equal(request.ResourceSpans[0].Resource, Assert.Single(subset.ResourceSpans).Resource);
        Assert.Equal([1, 3, 5], Assert.Single(subset.ResourceSpans[0].ScopeSpans).Spans.Select(s => (int)s.SpanId[7]));
    }
}
