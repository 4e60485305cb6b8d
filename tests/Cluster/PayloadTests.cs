using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using OrleansTempo.Core;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Tests.Otlp;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Cluster;

/// <summary>The messages between grains, through Orleans' own serialiser, as between two silos.</summary>
public sealed class PayloadTests : IDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddSerializer().BuildServiceProvider();

    private Serializer Serializer => _services.GetRequiredService<Serializer>();

    public void Dispose() => _services.Dispose();

    [Fact]
    public void Spans_of_several_batches_arrive_as_one_request_in_the_order_in_which_answers_count_them()
    {
        using var first = Batch(1, 2, 3, 4);
        using var second = Batch(11, 12, 13);
        var payload = new SpanPayload([new SpanPart(first.Batch, new[] { 3, 0, 2 }), new SpanPart(second.Batch, new[] { 1, 0 })], isReplayed: true);

        var arrived = Sent(payload);

        Assert.False(arrived.IsLocal);
        Assert.True(arrived.IsReplayed);
        using var reading = arrived.Open();
        var part = Assert.Single(reading.Parts);
        Assert.Equal([1, 3, 4, 11, 12], Ids(part));
        Assert.Equal([1, 3, 4, 11, 12], SentSpan.AllOf(arrived.Received.ToArray()).Select(static s => s.Key.SpanId));

        // Spans that the other side refuses are found in the sender's batches.
        var places = SpanPayload.Place(0, [4, 1], reading.Parts).ToArray();
        Assert.Equal([(first.Batch, 2), (second.Batch, 1)], payload.Find(places.Order()).Select(static found => (found.Part.Batch, found.Span)));
    }

    [Fact]
    public void Within_a_silo_a_payload_is_the_senders_batches_themselves()
    {
        using var batch = Batch(1, 2, 3);
        var payload = new SpanPayload([new SpanPart(batch.Batch, new[] { 2, 0 })]);

        var copy = _services.GetRequiredService<DeepCopier>().Copy(payload);

        Assert.Same(payload, copy);
        Assert.True(copy.IsLocal);
        using var reading = copy.Open();
        Assert.Same(batch.Batch, Assert.Single(reading.Parts).Batch);
        Assert.Equal([1], SpanPayload.Place(0, [2], reading.Parts));
        Assert.Equal([(batch.Batch, 2)], copy.Find([1]).Select(static found => (found.Part.Batch, found.Span)));
    }

    [Fact]
    public void A_payload_that_was_received_can_be_sent_on()
    {
        using var batch = Batch(7, 8);

        var arrived = Sent(Sent(new SpanPayload([new SpanPart(batch.Batch, new[] { 0, 1 })])));

        using var reading = arrived.Open();
        Assert.Equal([7, 8], Ids(Assert.Single(reading.Parts)));
    }

    [Fact]
    public void Bytes_that_are_not_a_request_are_refused_when_they_are_read()
    {
        var buffer = RequestBuffer.RentUncounted(3);
        "\x0A\x7F\x01"u8.CopyTo(buffer.Array);
        buffer.Length = 3;

        var error = Assert.Throws<InvalidDataException>(() => new SpanPayload(buffer, isReplayed: false).Open());

        Assert.Contains("cannot read the spans", error.Message);
    }

    [Fact]
    public void Requests_arrive_unchanged()
    {
        byte[][] requests = [[1, 2, 3], [], [4]];

        var arrived = Serializer.Deserialize<OtlpRequests>(Serializer.SerializeToArray(new OtlpRequests([.. requests.Select(static r => (ReadOnlyMemory<byte>)r)])))!;

        Assert.Equal(3, arrived.Count);
        Assert.Equal(requests, arrived.Bytes.Select(static b => b.ToArray()));
    }

    [Fact]
    public void A_live_trace_arrives_whole()
    {
        var trace = new TraceSpans(new TraceId(1, 2)) { InspectedBytes = 77 };
        trace.Add(new FoundSpan { SpanId = 1, Kind = SpanKind.Server, StartTimeUnixNano = 5, Resource = new byte[] { 1 }, Scope = new byte[] { 2 }, Span = new byte[] { 3 } });
        trace.Add(new FoundSpan { SpanId = 2, Kind = SpanKind.Client, StartTimeUnixNano = 6, Resource = new byte[] { 1 }, Scope = Array.Empty<byte>(), Span = new byte[] { 4, 5 } });

        var arrived = Serializer.Deserialize<LiveTraceAnswer>(Serializer.SerializeToArray(LiveTraceAnswer.From(trace, [])))!;

        Assert.Equal(3, arrived.Envelopes.Length);
        var into = new TraceSpans(trace.TraceId);
        arrived.AddTo(into);
        Assert.Equal(77, into.InspectedBytes);
        Assert.Equal(
            trace.Spans.Select(static s => (s.SpanId, s.Kind, s.StartTimeUnixNano, Convert.ToHexString(s.Resource.Span), Convert.ToHexString(s.Scope.Span), Convert.ToHexString(s.Span.Span))),
            into.Spans.Select(static s => (s.SpanId, s.Kind, s.StartTimeUnixNano, Convert.ToHexString(s.Resource.Span), Convert.ToHexString(s.Scope.Span), Convert.ToHexString(s.Span.Span))));
    }

    private SpanPayload Sent(SpanPayload payload) => Serializer.Deserialize<SpanPayload>(Serializer.SerializeToArray(payload))!;

    private static TestBatch Batch(params ulong[] ids) => TestBatch.Of(ids.Select(static id => TestBatch.Span(new TraceId(1, id), id)));

    private static IEnumerable<ulong> Ids(SpanPart part) =>
        part.Spans.ToArray().Select(span => System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(part.Batch.Bytes[part.Batch.Spans[span].SpanId.Offset..]));
}
