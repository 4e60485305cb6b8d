using System.Text;
using Google.Protobuf;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Tests.Otlp;
using Span = OrleansTempo.Tests.Otlp.Span;

namespace OrleansTempo.Core.Tests.Distributor;

public sealed class DistributorTests
{
    [Fact]
    public void A_batch_is_accepted_counted_and_offered()
    {
        var bench = new Bench();

        var result = bench.Push(Request(Span("a"), Span("b")));

        Assert.Equal(PushResult.Accepted with { Spans = 2 }, result);
        Assert.Equal(("", 0, null), (result.Message, result.RejectedSpans, result.RetryAfter));
        Assert.Equal([["a", "b"]], bench.Queue.Offered);
        Assert.Equal([TenantId.Single], bench.Queue.Tenants);
        Assert.Equal(2, bench.Counters["tempo_distributor_spans_received_total"]);
        Assert.Equal(Request(Span("a"), Span("b")).CalculateSize(), bench.Counters["tempo_distributor_bytes_received_total"]);
    }

    [Theory]
    [InlineData("FF")]
    [InlineData("0A05")]
    [InlineData("7B7D")]
    public void Bytes_that_are_not_a_request_are_malformed(string hex)
    {
        var bench = new Bench();

        var result = bench.Push(Convert.FromHexString(hex));

        Assert.Equal(PushStatus.Malformed, result.Status);
        Assert.StartsWith("malformed OTLP request: ", result.Message);
        Assert.Null(result.RetryAfter);
        Assert.Empty(bench.Queue.Offered);
        Assert.Equal(0, bench.Counters["tempo_distributor_bytes_received_total"]);
    }

    [Fact]
    public void Text_that_is_not_UTF8_does_not_reject_the_batch()
    {
        var bench = new Bench();
        var bytes = Request(Span("M~nchen"), Span("b")).ToByteArray();
        bytes.AsSpan().Replace((byte)'~', (byte)0xFC);

        var result = bench.Push(bytes);

        Assert.Equal((PushStatus.Accepted, 0), (result.Status, result.RejectedSpans));
        Assert.Equal([["M\uFFFDnchen", "b"]], bench.Queue.Offered);
    }

    [Fact]
    public void An_empty_request_is_accepted_and_offers_nothing()
    {
        var bench = new Bench();

        Assert.Equal(PushResult.Accepted, bench.Push(Request()));

        Assert.Empty(bench.Queue.Offered);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(15)]
    [InlineData(17)]
    [InlineData(-16)]
    public void Spans_without_a_valid_trace_ID_are_refused_and_the_rest_is_offered(int length)
    {
        var bench = new Bench();

        var result = bench.Push(Request(Span("a"), Span("bad", traceId: Id(length)), Span("b")));

        Assert.Equal((PushStatus.Accepted, 1), (result.Status, result.RejectedSpans));
        Assert.Equal("spans rejected: 1 with an invalid trace ID (16 bytes, not all zero)", result.Message);
        Assert.Equal([["a", "b"]], bench.Queue.Offered);
        Assert.Equal(1, bench.Counters["tempo_discarded_spans_total{invalid_trace_id}"]);
        Assert.Equal(3, bench.Counters["tempo_distributor_spans_received_total"]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(9)]
    [InlineData(-8)]
    public void Spans_without_a_valid_span_ID_are_refused_too(int length)
    {
        var bench = new Bench();

        var result = bench.Push(Request(Span("bad", spanId: Id(length)), Span("a")));

        Assert.Equal((PushStatus.Accepted, 1), (result.Status, result.RejectedSpans));
        Assert.Equal("spans rejected: 1 with an invalid span ID (8 bytes, not all zero)", result.Message);
        Assert.Equal([["a"]], bench.Queue.Offered);
        Assert.Equal(1, bench.Counters["tempo_discarded_spans_total{invalid_span_id}"]);
    }

    [Fact]
    public void IDs_need_one_byte_that_is_not_0_anywhere()
    {
        var bench = new Bench();
        var spans = Enumerable.Range(0, 16).Select(i => Span($"{i}", traceId: OneAt(16, i), spanId: OneAt(8, i % 8))).ToArray();

        Assert.Equal(PushResult.Accepted with { Spans = spans.Length }, bench.Push(Request(spans)));

        Assert.Equal(16, bench.Queue.Offered.Single().Length);

        static byte[] OneAt(int length, int i)
        {
            var id = new byte[length];
            id[i] = 1;
            return id;
        }
    }

    [Fact]
    public void Both_reasons_are_named_and_if_no_span_is_left_nothing_is_offered()
    {
        var bench = new Bench();

        var result = bench.Push(Request(Span("a", traceId: []), Span("b", spanId: []), Span("c", traceId: [], spanId: [])));

        Assert.Equal((PushStatus.Accepted, 3), (result.Status, result.RejectedSpans));
        Assert.Equal("spans rejected: 2 with an invalid trace ID (16 bytes, not all zero), 1 with an invalid span ID (8 bytes, not all zero)", result.Message);
        Assert.Empty(bench.Queue.Offered);
        Assert.Equal(2, bench.Counters["tempo_discarded_spans_total{invalid_trace_id}"]);
        Assert.Equal(1, bench.Counters["tempo_discarded_spans_total{invalid_span_id}"]);
    }

    [Fact]
    public void A_tenant_has_its_burst_at_once_and_its_rate_from_then_on()
    {
        var request = Request(Span("a"), Span("b"));
        var size = request.CalculateSize();
        var bench = new Bench(new IngestionLimits { RateLimitBytes = size, BurstSizeBytes = 2 * size, RetryAfter = TimeSpan.FromMilliseconds(1) });
        Assert.Equal(PushStatus.Accepted, bench.Push(request).Status);
        Assert.Equal(PushStatus.Accepted, bench.Push(request).Status);

        var refused = bench.Push(request);

        Assert.Equal(PushStatus.RateLimited, refused.Status);
        Assert.Equal(0, refused.RejectedSpans);
        Assert.Equal(TimeSpan.FromSeconds(1), refused.RetryAfter);
        Assert.StartsWith($"RATE_LIMITED: ingestion rate limit (local: {size} bytes, burst: {2 * size} bytes) exceeded while adding {size} bytes for user single-tenant. ", refused.Message);
        Assert.Equal(2, bench.Counters["tempo_discarded_spans_total{rate_limited}"]);
        Assert.Equal(2, bench.Queue.Offered.Count);
        Assert.Equal(6, bench.Counters["tempo_distributor_spans_received_total"]);

        bench.Time.Advance(TimeSpan.FromSeconds(0.5));
        Assert.Equal(TimeSpan.FromSeconds(0.5), bench.Push(request).RetryAfter);
        bench.Time.Advance(TimeSpan.FromSeconds(0.5));
        Assert.Equal(PushStatus.Accepted, bench.Push(request).Status);

        // A long pause fills the bucket up to its burst and no further.
        bench.Time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(PushStatus.Accepted, bench.Push(request).Status);
        Assert.Equal(PushStatus.Accepted, bench.Push(request).Status);
        Assert.Equal(PushStatus.RateLimited, bench.Push(request).Status);
    }

    [Theory]
    [InlineData(5000, 5000)]
    [InlineData(1, 1000)]
    public void A_refused_client_waits_at_least_as_long_as_configured(int configuredMs, int toldMs)
    {
        var request = Request(Span("a"));
        var size = request.CalculateSize();
        var bench = new Bench(new IngestionLimits { RateLimitBytes = size, BurstSizeBytes = size, RetryAfter = TimeSpan.FromMilliseconds(configuredMs) });
        bench.Push(request);

        Assert.Equal(TimeSpan.FromMilliseconds(toldMs), bench.Push(request).RetryAfter);
    }

    [Fact]
    public void Without_a_configured_wait_the_client_is_told_none()
    {
        var request = Request(Span("a"));
        var bench = new Bench(new IngestionLimits { RateLimitBytes = 1, BurstSizeBytes = request.CalculateSize() });
        bench.Push(request);

        var refused = bench.Push(request);

        Assert.Equal((PushStatus.RateLimited, null), (refused.Status, refused.RetryAfter));
    }

    [Fact]
    public void A_request_larger_than_the_burst_is_told_not_to_wait_but_to_be_smaller()
    {
        var request = Request(Span("a"));
        var bench = new Bench(new IngestionLimits { RateLimitBytes = 1 << 20, BurstSizeBytes = request.CalculateSize() - 1, RetryAfter = TimeSpan.FromSeconds(1) });

        var refused = bench.Push(request);

        var size = request.CalculateSize();
        Assert.Equal((PushStatus.TooLarge, null), (refused.Status, refused.RetryAfter));
        Assert.Equal(
            $"RATE_LIMITED: the request has {size} bytes, more than tenant single-tenant may ever send at once (ingestion.burst_size_bytes is {size - 1}). Send smaller batches, or set ingestion.burst_size_bytes to at least {size}",
            refused.Message);
        Assert.Equal(1, bench.Counters["tempo_discarded_spans_total{rate_limited}"]);
    }

    [Fact]
    public void Tenants_do_not_consume_each_others_rate()
    {
        var request = Request(Span("a"));
        var bench = new Bench(new IngestionLimits { RateLimitBytes = 1, BurstSizeBytes = request.CalculateSize() });
        Assert.True(TenantId.TryParse("other", out var other, out _));
        bench.Push(request);

        Assert.Equal(PushStatus.RateLimited, bench.Push(request).Status);
        Assert.Equal(PushStatus.Accepted, bench.Push(request.ToByteArray(), other).Status);
        Assert.Equal([TenantId.Single, other], bench.Queue.Tenants);
    }

    [Fact]
    public void Without_a_rate_everything_is_accepted()
    {
        var bench = new Bench(new IngestionLimits { RateLimitBytes = 0, BurstSizeBytes = 1 });

        Assert.Equal(PushStatus.Accepted, bench.Push(Request(Span("a"))).Status);
    }

    [Fact]
    public void Overlong_keys_and_values_are_cut_and_counted()
    {
        var bench = new Bench(new IngestionLimits { MaxAttributeBytes = 8 });
        var span = Span("a name that is no attribute stays");
        span.Attributes.Add(new KeyValue { Key = "k", Value = new AnyValue { StringValue = "1234567é" } });
        span.Attributes.Add(new KeyValue { Key = "a long key", Value = new AnyValue { StringValue = "12345678" } });

        Assert.Equal(PushResult.Accepted with { Spans = 1 }, bench.Push(Request(span)));

        Assert.Equal(["k=1234567", "a long k=12345678"], bench.Queue.Attributes);
        Assert.Equal(["a name that is no attribute stays"], bench.Queue.Offered.Single());
        Assert.Equal(2, bench.Counters["tempo_distributor_attributes_truncated_total{span}"]);
    }

    [Fact]
    public void Cut_attributes_are_counted_by_what_they_belong_to()
    {
        var bench = new Bench(new IngestionLimits { MaxAttributeBytes = 4 });
        KeyValue cut = new() { Key = "k", Value = new AnyValue { StringValue = "12345" } };
        var span = Span("a");
        span.Attributes.Add([cut, cut]);
        span.Events.Add(new OrleansTempo.Tests.Otlp.Span.Types.Event { Attributes = { cut, cut, cut } });
        span.Links.Add(new OrleansTempo.Tests.Otlp.Span.Types.Link { Attributes = { cut } });
        var request = Request(span);
        request.ResourceSpans[0].Resource = new Resource { Attributes = { cut } };
        request.ResourceSpans[0].ScopeSpans[0].Scope = new InstrumentationScope { Attributes = { cut, new KeyValue { Key = "12345", Value = cut.Value } } };

        bench.Push(request);

        Assert.Equal(
            [1, 3, 2, 3, 1],
            OtlpTruncation.Scopes.Select(scope => bench.Counters[$"tempo_distributor_attributes_truncated_total{{{scope}}}"]));
    }

    [Fact]
    public void How_far_from_now_spans_end_is_counted_by_tenant()
    {
        var bench = new Bench();
        var now = (ulong)bench.Time.GetUtcNow().ToUnixTimeSeconds();
        var spans = new ulong[] { now - 300, now - 301, now - 7200, now, now + 1801, 0 }.Select((end, i) =>
        {
            var span = Span($"{i}");
            span.EndTimeUnixNano = end * 1_000_000_000;
            return span;
        });

        bench.Push(Request([.. spans]));

        var text = new StringBuilder();
        bench.Metrics.SpansInPast.WriteTo(text);
        bench.Metrics.SpansInFuture.WriteTo(text);
        Assert.Equal(
            ["2", "3", "3", "5", $"{300 + 301 + 7200 + now}", "5", "0", "0", "1", "1", "1801", "1"],
            text.ToString().Split('\n').Where(static line => line.StartsWith("tempo_", StringComparison.Ordinal)).Select(static line => line[(line.LastIndexOf(' ') + 1)..]));
        Assert.Contains("tempo_spans_distance_in_past_seconds_bucket{tenant=\"single-tenant\",le=\"1800\"} 3\n", text.ToString());
    }

    [Fact]
    public void Nothing_is_cut_within_the_limit_or_without_one()
    {
        foreach (var limit in new[] { 9, 0 })
        {
            var bench = new Bench(new IngestionLimits { MaxAttributeBytes = limit });
            var span = Span("a");
            span.Attributes.Add(new KeyValue { Key = "k", Value = new AnyValue { StringValue = "1234567é" } });

            bench.Push(Request(span));

            Assert.Equal(["k=1234567é"], bench.Queue.Attributes);
            Assert.Equal(0, bench.Counters["tempo_distributor_attributes_truncated_total"]);
        }
    }

    [Fact]
    public async Task A_stopping_distributor_accepts_nothing_more()
    {
        var bench = new Bench();
        await bench.Distributor.StopAsync(CancellationToken.None);

        var result = bench.Push(Request(Span("a")));

        Assert.Equal((PushStatus.Unavailable, "shutting down", TimeSpan.FromSeconds(1)), (result.Status, result.Message, result.RetryAfter));
        Assert.Empty(bench.Queue.Offered);
        Assert.Equal(0, bench.Counters["tempo_distributor_spans_received_total"]);
    }

    [Fact]
    public async Task A_stop_waits_for_the_pushes_that_have_begun_and_their_spans_are_offered_before_it_completes()
    {
        var bench = new Bench();
        var ingesting = bench.Ingesters.Suspend();
        var push = bench.Distributor.PushAsync(TenantId.Single, Bench.Buffer(Request(Span("a")).ToByteArray()));

        var stopping = bench.Distributor.StopAsync(CancellationToken.None);
        Assert.Equal(PushStatus.Unavailable, bench.Push(Request(Span("b"))).Status);
        Assert.False(stopping.IsCompleted);
        ingesting.SetResult(default);
        await stopping;

        Assert.Equal(["a"], Assert.Single(bench.Queue.Offered));
        Assert.Equal(PushStatus.Accepted, (await push).Status);
    }

    [Fact]
    public async Task A_request_is_answered_once_it_is_known_how_much_waits_for_the_generator()
    {
        var bench = new Bench();
        var said = new TaskCompletionSource();
        bench.Queue.Said = said.Task;

        var push = bench.Distributor.PushAsync(TenantId.Single, Bench.Buffer(Request(Span("a")).ToByteArray()));
        Assert.Single(bench.Queue.Offered);
        Assert.False(push.IsCompleted);
        said.SetResult();

        Assert.Equal(PushStatus.Accepted, (await push).Status);
    }

    [Fact]
    public async Task A_stop_waits_no_longer_than_its_deadline()
    {
        var bench = new Bench();
        bench.Ingesters.Suspend();
        _ = bench.Distributor.PushAsync(TenantId.Single, Bench.Buffer(Request(Span("a")).ToByteArray()));
        using var deadline = new CancellationTokenSource();

        var stopping = bench.Distributor.StopAsync(deadline.Token);
        Assert.False(stopping.IsCompleted);
        await deadline.CancelAsync();
        await stopping;
    }

    [Fact]
    public async Task Buffers_are_returned_whatever_happens_to_the_request()
    {
        var oversized = Span("a");
        oversized.Attributes.Add(new KeyValue { Key = "k", Value = new AnyValue { StringValue = "too long" } });
        var bench = new Bench(new IngestionLimits { RateLimitBytes = 1 << 20, BurstSizeBytes = 1 << 20, MaxAttributeBytes = 4 });
        var limited = new Bench(new IngestionLimits { RateLimitBytes = 1, BurstSizeBytes = 1 });
        var stopped = new Bench();
        await stopped.Distributor.StopAsync(CancellationToken.None);

        Assert.True(Returns(bench, Request(Span("a")).ToByteArray()), "accepted");
        Assert.True(Returns(bench, Request(oversized).ToByteArray()), "truncated");
        Assert.True(Returns(bench, Request(Span("a", traceId: [])).ToByteArray()), "all refused");
        Assert.True(Returns(bench, [0xFF]), "malformed");
        Assert.True(Returns(limited, Request(Span("a")).ToByteArray()), "rate limited");
        Assert.True(Returns(stopped, Request(Span("a")).ToByteArray()), "stopped");

        // A returned buffer has no array any more.
        static bool Returns(Bench bench, byte[] bytes)
        {
            var buffer = Bench.Buffer(bytes);
            Assert.True(bench.Distributor.PushAsync(TenantId.Single, buffer).IsCompletedSuccessfully);
            return buffer.Capacity == 0;
        }
    }

    [Fact]
    public void A_batch_that_the_queue_keeps_stays_readable_until_released()
    {
        var bench = new Bench();
        bench.Queue.Keeps = true;
        var buffer = Bench.Buffer(Request(Span("kept")).ToByteArray());

        Assert.True(bench.Distributor.PushAsync(TenantId.Single, buffer).IsCompletedSuccessfully);

        var kept = Assert.Single(bench.Queue.Kept);
        Assert.NotEqual(0, buffer.Capacity);
        Assert.Equal("kept", Name(kept, 0));
        kept.Release();
        Assert.Equal(0, buffer.Capacity);
    }

    [Fact]
    public void The_ingesters_get_the_tenants_spans_with_valid_IDs_and_overlong_attributes_cut()
    {
        var bench = new Bench(new IngestionLimits { MaxAttributeBytes = 4 });
        var span = Span("a");
        span.Attributes.Add(new KeyValue { Key = "k", Value = new AnyValue { StringValue = "too long" } });
        Assert.True(TenantId.TryParse("acme", out var acme, out _));

        bench.Push(Request(span, Span("bad", spanId: [])).ToByteArray(), acme);

        Assert.Equal([acme], bench.Ingesters.Tenants);
        Assert.Equal([["a k=too "]], bench.Ingesters.Pushed);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void If_no_span_is_left_the_ingesters_are_not_called(bool isEmpty)
    {
        var bench = new Bench();

        bench.Push(isEmpty ? Request() : Request(Span("bad", spanId: [])));

        Assert.Empty(bench.Ingesters.Pushed);
    }

    [Fact]
    public async Task The_answer_and_the_generator_wait_until_the_ingesters_have_the_batch()
    {
        var bench = new Bench();
        var kept = bench.Ingesters.Suspend();
        var buffer = Bench.Buffer(Request(Span("a"), Span("b")).ToByteArray());

        var push = bench.Distributor.PushAsync(TenantId.Single, buffer);

        Assert.Equal([["a", "b"]], bench.Ingesters.Pushed);
        Assert.False(push.IsCompleted);
        Assert.Empty(bench.Queue.Offered);
        Assert.NotEqual(0, buffer.Capacity);
        Assert.Equal("b", Name(bench.Ingesters.Last!, 1));

        kept.SetResult(default);
        Assert.Equal(PushResult.Accepted with { Spans = 2 }, await push);
        Assert.Equal([["a", "b"]], bench.Queue.Offered);
        Assert.Equal(0, buffer.Capacity);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_batch_is_released_exactly_once(bool isSuspended)
    {
        var bench = new Bench();
        bench.Queue.Keeps = true;
        var kept = isSuspended ? bench.Ingesters.Suspend() : null;
        var buffer = Bench.Buffer(Request(Span("a")).ToByteArray());
        var push = bench.Distributor.PushAsync(TenantId.Single, buffer);
        kept?.SetResult(default);
        await push;

        // If it were released once too often, the queue's lease would not hold it any more.
        Assert.NotEqual(0, buffer.Capacity);
        Assert.Single(bench.Queue.Kept).Release();
        Assert.Equal(0, buffer.Capacity);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Ingesters_that_cannot_take_the_batch_are_unavailable_and_the_generator_never_sees_it(bool isSuspended)
    {
        var bench = new Bench();
        var answer = new IngestOutcome { Unavailable = "the spans could not be logged: disk full" };
        var kept = isSuspended ? bench.Ingesters.Suspend() : null;
        bench.Ingesters.Answer = _ => answer;
        var buffer = Bench.Buffer(Request(Span("a"), Span("bad", spanId: [])).ToByteArray());

        var push = bench.Distributor.PushAsync(TenantId.Single, buffer);
        kept?.SetResult(answer);
        var result = await push;

        Assert.Equal((PushStatus.Unavailable, "the spans could not be logged: disk full", TimeSpan.FromSeconds(1)), (result.Status, result.Message, result.RetryAfter));
        Assert.Equal(0, result.RejectedSpans);
        Assert.Empty(bench.Queue.Offered);
        Assert.Equal(0, buffer.Capacity);
    }

    [Fact]
    public void Spans_that_a_limit_refuses_are_reported_counted_and_not_offered()
    {
        var bench = new Bench();
        bench.Ingesters.Answer = _ => new IngestOutcome { Refusals = Refuse(liveTraces: [3, 0], tooLarge: [2]) };

        var result = bench.Push(Request(Span("a"), Span("b"), Span("c"), Span("d"), Span("e")));

        Assert.Equal((PushStatus.Accepted, 3, null), (result.Status, result.RejectedSpans, result.RetryAfter));
        Assert.StartsWith("LIVE_TRACES_EXCEEDED: 2 spans of new traces refused: tenant single-tenant already has the maximum ", result.Message);
        Assert.Contains("max_traces_per_user", result.Message);
        Assert.Contains("; TRACE_TOO_LARGE: 1 spans refused: ", result.Message);
        Assert.Contains("max_bytes_per_trace", result.Message);
        Assert.Equal([["b", "e"]], bench.Queue.Offered);
        Assert.Equal(2, bench.Counters["tempo_discarded_spans_total{live_traces_exceeded}"]);
        Assert.Equal(1, bench.Counters["tempo_discarded_spans_total{trace_too_large}"]);
        Assert.Equal(5, bench.Counters["tempo_distributor_spans_received_total"]);
    }

    [Fact]
    public void Refused_spans_and_those_with_invalid_IDs_are_added_up()
    {
        var bench = new Bench();
        bench.Ingesters.Answer = _ => new IngestOutcome { Refusals = Refuse(liveTraces: [1], tooLarge: []) };

        var result = bench.Push(Request(Span("bad", spanId: []), Span("a"), Span("b")));

        Assert.Equal((PushStatus.Accepted, 2), (result.Status, result.RejectedSpans));
        Assert.StartsWith("spans rejected: 1 with an invalid span ID (8 bytes, not all zero); LIVE_TRACES_EXCEEDED: 1 spans ", result.Message);
        Assert.DoesNotContain("TRACE_TOO_LARGE", result.Message);
        Assert.Equal([["a"]], bench.Queue.Offered);
    }

    [Fact]
    public async Task If_every_span_is_refused_nothing_is_offered()
    {
        var bench = new Bench();
        var kept = bench.Ingesters.Suspend();
        var buffer = Bench.Buffer(Request(Span("a"), Span("b")).ToByteArray());
        var push = bench.Distributor.PushAsync(TenantId.Single, buffer);

        kept.SetResult(new IngestOutcome { Refusals = Refuse(liveTraces: [], tooLarge: [0, 1]) });
        var result = await push;

        Assert.Equal((PushStatus.Accepted, 2), (result.Status, result.RejectedSpans));
        Assert.StartsWith("TRACE_TOO_LARGE: 2 spans refused: ", result.Message);
        Assert.Empty(bench.Queue.Offered);
        Assert.Equal(0, buffer.Capacity);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_answer_is_delayed_for_as_long_as_the_generators_queue_asks_for(bool isKeptLater)
    {
        var bench = new Bench();
        var hold = TimeSpan.FromMilliseconds(7);
        bench.Queue.Held = hold;
        var kept = isKeptLater ? bench.Ingesters.Suspend() : null;
        var push = bench.Distributor.PushAsync(TenantId.Single, Bench.Buffer(Request(Span("a")).ToByteArray())).AsTask();
        kept?.SetResult(default);

        await bench.Time.TimerOf(hold);
        Assert.False(push.IsCompleted);
        Assert.Single(bench.Queue.Offered);
        bench.Time.Advance(hold);

        Assert.Equal(PushStatus.Accepted, (await push).Status);
    }

    [Fact]
    public async Task An_exception_of_the_ingesters_reaches_the_caller_and_the_buffer_is_returned()
    {
        var bench = new Bench();
        var kept = bench.Ingesters.Suspend();
        var buffer = Bench.Buffer(Request(Span("a")).ToByteArray());
        var push = bench.Distributor.PushAsync(TenantId.Single, buffer);
        kept.SetException(new InvalidOperationException("later"));
        Assert.Equal("later", (await Assert.ThrowsAsync<InvalidOperationException>(async () => await push)).Message);
        Assert.Equal(0, buffer.Capacity);

        bench.Ingesters.Answer = _ => throw new InvalidOperationException("at once");
        var another = Bench.Buffer(Request(Span("a")).ToByteArray());
        Assert.Equal("at once", (await Assert.ThrowsAsync<InvalidOperationException>(async () => await bench.Distributor.PushAsync(TenantId.Single, another))).Message);
        Assert.Equal(0, another.Capacity);
        Assert.Empty(bench.Queue.Offered);
    }

    private static Refusals Refuse(int[] liveTraces, int[] tooLarge)
    {
        var refusals = new Refusals();
        foreach (var span in liveTraces)
            refusals.AddLiveTracesExceeded(span);
        foreach (var span in tooLarge)
            refusals.AddTraceTooLarge(span);
        return refusals;
    }

    private static string Name(SpanBatch batch, int i) => Text(batch, batch.Spans[i].Name);

    private static string Text(SpanBatch batch, Slice slice) => Encoding.UTF8.GetString(batch.Bytes.Slice(slice.Offset, slice.Length));

    private static IEnumerable<string> Attributes(SpanBatch batch, SpanRecord span) => batch.Attributes(span).ToArray().Select(a => $"{Text(batch, a.Key)}={Text(batch, a.Value)}");

    private static ExportTraceServiceRequest Request(params Span[] spans) => new()
    {
        ResourceSpans = { new ResourceSpans { ScopeSpans = { new ScopeSpans { Spans = { spans } } } } },
    };

    private static Span Span(string name, byte[]? traceId = null, byte[]? spanId = null) => new()
    {
        Name = name,
        TraceId = ByteString.CopyFrom(traceId ?? Id(16)),
        SpanId = ByteString.CopyFrom(spanId ?? Id(8)),
    };

    // Negative for an ID of all zeros.
    private static byte[] Id(int length) => length < 0 ? new byte[-length] : [.. Enumerable.Repeat((byte)7, length)];

    [Fact]
    public void A_new_tenant_beyond_the_limit_is_refused_by_name_and_counted_and_a_known_one_is_not()
    {
        var bench = new Bench(new IngestionLimits { RetryAfter = TimeSpan.FromSeconds(5) }, maxTenants: 2, isKnown: tenant => tenant.Value == "configured");
        var request = Request(Span("a"), Span("b")).ToByteArray();
        Assert.Equal(PushStatus.Accepted, bench.Push(request, Tenant("first")).Status);
        Assert.Equal(PushStatus.Accepted, bench.Push(request, Tenant("second")).Status);

        var refused = bench.Push(request, Tenant("third"));

        Assert.Equal((PushStatus.RateLimited, TimeSpan.FromSeconds(5)), (refused.Status, refused.RetryAfter));
        Assert.Equal(
            "TOO_MANY_TENANTS: tenant third is new, and 2 other tenants have sent spans within the last hour (distributor.max_tenants is 2). Raise the limit, or add the tenant to the overrides",
            refused.Message);
        Assert.Equal(2, refused.Spans);
        Assert.Equal(2, bench.Counters["tempo_discarded_spans_total{too_many_tenants}"]);
        Assert.Equal(4, bench.Counters["tempo_distributor_spans_received_total"]);
        Assert.Equal(PushStatus.Accepted, bench.Push(request, Tenant("first")).Status);
        Assert.Equal(PushStatus.Accepted, bench.Push(request, Tenant("configured")).Status);
        Assert.DoesNotContain(Tenant("third"), bench.Queue.Tenants);
    }

    [Fact]
    public void A_tenant_that_has_sent_nothing_for_an_hour_makes_room_for_another()
    {
        var bench = new Bench(maxTenants: 1);
        var request = Request(Span("a")).ToByteArray();
        bench.Push(request, Tenant("first"));
        bench.Time.Advance(TimeSpan.FromMinutes(59));
        Assert.Equal(PushStatus.RateLimited, bench.Push(request, Tenant("second")).Status);

        bench.Time.Advance(TimeSpan.FromMinutes(1));

        Assert.Equal(PushStatus.Accepted, bench.Push(request, Tenant("second")).Status);
        Assert.Equal(PushStatus.RateLimited, bench.Push(request, Tenant("first")).Status);
    }

    [Fact]
    public void A_tenant_is_not_forgotten_before_its_rate_limit_would_allow_a_whole_burst_again()
    {
        var request = Request(Span("a")).ToByteArray();
        var bench = new Bench(new IngestionLimits { RateLimitBytes = 1, BurstSizeBytes = request.Length });
        Assert.Equal(PushStatus.Accepted, bench.Push(request).Status);
        var slow = new Bench(new IngestionLimits { RateLimitBytes = 1, BurstSizeBytes = 100_000 });
        slow.Push(request);
        for (var pushes = 0; slow.Push(request).Status == PushStatus.Accepted; pushes++)
            Assert.InRange(pushes, 0, 100_000 / request.Length);

        slow.Time.Advance(TimeSpan.FromHours(2));

        // 7200 bytes were refilled, not 100,000.
        var taken = 0;
        while (slow.Push(request).Status == PushStatus.Accepted)
            taken += request.Length;
        Assert.InRange(taken, 7200 - request.Length, 7200 + request.Length);
    }

    private static TenantId Tenant(string name)
    {
        Assert.True(TenantId.TryParse(name, out var tenant, out _));
        return tenant;
    }

    private sealed class Bench
    {
        public Bench(IngestionLimits limits = default, int maxTenants = 0, Func<TenantId, bool>? isKnown = null)
        {
            Counters = new MetricValues(Metrics);
            Distributor = new Core.Distributor.Distributor(_ => limits, new ActiveTenants(maxTenants, isKnown ?? (_ => false), Time), Ingesters, Queue, new RequestMemory(long.MaxValue), Metrics, Time);
        }

        public ManualTimeProvider Time { get; } = new();

        public TempoMetrics Metrics { get; } = new();

        public MetricValues Counters { get; }

        public Ingesters Ingesters { get; } = new();

        public Queue Queue { get; } = new();

        public Core.Distributor.Distributor Distributor { get; }

        public static RequestBuffer Buffer(byte[] bytes) => new RequestMemory(long.MaxValue).Copy(bytes);

        public PushResult Push(ExportTraceServiceRequest request) => Push(request.ToByteArray());

        public PushResult Push(byte[] bytes, TenantId? tenant = null)
        {
            var push = Distributor.PushAsync(tenant ?? TenantId.Single, Buffer(bytes));
            Assert.True(push.IsCompletedSuccessfully);
            return push.Result;
        }
    }

    private sealed class Ingesters : IIngesters
    {
        private TaskCompletionSource<IngestOutcome>? _suspended;

        public Func<SpanBatch, IngestOutcome> Answer { get; set; } = _ => default;

        public List<TenantId> Tenants { get; } = [];

        /// <summary>The spans of each batch: name and attributes.</summary>
        public List<string[]> Pushed { get; } = [];

        public SpanBatch? Last { get; private set; }

        /// <summary>The next push is not answered until the returned source is set.</summary>
        public TaskCompletionSource<IngestOutcome> Suspend() => _suspended = new TaskCompletionSource<IngestOutcome>();

        public ValueTask<IngestOutcome> PushAsync(TenantId tenant, SpanBatch batch)
        {
            Tenants.Add(tenant);
            Last = batch;
            Pushed.Add([.. batch.Spans.ToArray().Select(s => string.Join(' ', [Text(batch, s.Name), .. Attributes(batch, s)]))]);
            return Interlocked.Exchange(ref _suspended, null) is { } suspended ? new(suspended.Task) : new(Answer(batch));
        }
    }

    private sealed class Queue : IGeneratorQueue
    {
        public bool Keeps { get; set; }

        public List<SpanBatch> Kept { get; } = [];

        public List<TenantId> Tenants { get; } = [];

        /// <summary>The span names of each batch.</summary>
        public List<string[]> Offered { get; } = [];

        public List<string> Attributes { get; } = [];

        public TimeSpan Held { get; set; }

        public Task Said { get; set; } = Task.CompletedTask;

        public Task SayAsync() => Said;

        public TimeSpan Hold(TenantId tenant) => Held;

        public void Offer(TenantId tenant, SpanBatch batch)
        {
            Tenants.Add(tenant);
            Offered.Add([.. Enumerable.Range(0, batch.Spans.Length).Select(i => Name(batch, i))]);
            foreach (var span in batch.Spans)
                Attributes.AddRange(DistributorTests.Attributes(batch, span));
            if (!Keeps)
                return;
            batch.Lease();
            Kept.Add(batch);
        }
    }
}
