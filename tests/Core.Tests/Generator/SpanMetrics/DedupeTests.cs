using Google.Protobuf;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Tests.Otlp;
using Kind = OrleansTempo.Tests.Otlp.Span.Types.SpanKind;
using Span = OrleansTempo.Tests.Otlp.Span;

namespace OrleansTempo.Core.Tests.Generator.SpanMetrics;

public sealed class DedupeTests
{
    private const string Duplicates = "tempo_metrics_generator_spans_discarded_total{duplicate_span,all}";
    private const string Forgotten = "tempo_metrics_generator_dedupe_spans_forgotten_total";

    private static readonly TimeSpan s_window = TimeSpan.FromMinutes(1);

    private int _pushed;

    [Fact]
    public void A_request_that_is_sent_again_counts_once()
    {
        var bench = Bench();
        var first = Request(bench, 1, 2, 3, 2);
        bench.Push(first);
        bench.Push(first);
        bench.Push(Request(bench, 3, 4));

        Assert.Equal(4, Counted(bench));
        Assert.Equal(6, bench.Counters[Duplicates]);
        Assert.Equal(10, bench.Counters["tempo_metrics_generator_spans_received_total"]);
    }

    [Fact]
    public void Without_a_window_each_request_counts()
    {
        var bench = Bench(s => s with { DedupeWindow = TimeSpan.Zero });
        bench.Push(Request(bench, 1, 1));
        bench.Push(Request(bench, 1));

        Assert.Equal(3, Counted(bench));
        Assert.Equal(0, bench.Counters[Duplicates]);
    }

    [Fact]
    public void Spans_with_the_same_ID_but_another_trace_or_kind_are_different_spans()
    {
        var bench = Bench();
        for (var i = 0; i < 2; i++)
        {
            bench.Push("cart", GeneratorBench.Span("a", Kind.Client, 1), GeneratorBench.Span("a", Kind.Server, 1), GeneratorBench.Span("a", Kind.Server, 1, trace: 2));
        }

        Assert.Equal(3, Counted(bench));
        Assert.Equal(3, bench.Counters[Duplicates]);
    }

    [Fact]
    public void A_span_is_known_for_one_window_after_it_last_arrived_and_for_two_at_most()
    {
        var bench = Bench();
        Push(bench, 1);
        Assert.Equal(1, _pushed);
        for (var i = 0; i < 5; i++)
        {
            bench.Time.Advance(s_window - TimeSpan.FromMilliseconds(1));
            Push(bench, 1);
            Assert.Equal(1, _pushed);
        }

        bench.Time.Advance(2 * s_window);
        Push(bench, 1);
        Assert.Equal(2, _pushed);
    }

    [Fact]
    public void A_span_discarded_for_the_slack_is_not_remembered()
    {
        var bench = Bench(s => s with { IngestionTimeRangeSlack = TimeSpan.FromSeconds(5) });
        var request = Request(bench, 1);
        bench.Time.Advance(TimeSpan.FromSeconds(-10));
        bench.Push(request);
        bench.Time.Advance(TimeSpan.FromSeconds(10));
        bench.Push(request);

        Assert.Equal(1, Counted(bench));
    }

    [Fact]
    public void If_there_are_too_many_spans_the_older_half_is_forgotten_and_counted()
    {
        var bench = Bench(s => s with { DedupeMaxSpans = 10_000 });
        bench.Push(Request(bench, [.. Enumerable.Range(0, 15_000)]));
        Assert.Equal(5_000, bench.Counters[Forgotten]);

        bench.Push(Request(bench, [.. Enumerable.Range(10_000, 5_000)]));
        Assert.Equal(5_000, bench.Counters[Duplicates]);
        bench.Push(Request(bench, [.. Enumerable.Range(0, 5_000)]));
        Assert.Equal((20_000, 5_000), (Counted(bench), bench.Counters[Duplicates]));
    }

    [Fact]
    public void A_change_of_settings_forgets_no_span()
    {
        var bench = Bench();
        Push(bench, 1);
        bench.Apply(s => s with { DedupeWindow = 3 * s_window, SpanMetricsSize = false });
        bench.Time.Advance(2.5 * s_window);
        Push(bench, 1);
        Assert.Equal(1, _pushed);

        bench.Apply(s => s with { DedupeWindow = TimeSpan.Zero });
        Push(bench, 1);
        Assert.Equal(2, _pushed);
    }

    [Fact]
    public void Exactly_the_spans_within_the_window_are_known_however_the_clock_runs()
    {
        var random = new Random(1);
        var bench = Bench(s => s with { IngestionTimeRangeSlack = TimeSpan.FromDays(1) });
        var last = new Dictionary<int, long>();
        long counted = 0;
        for (var i = 0; i < 20_000; i++)
        {
            bench.Time.Advance(TimeSpan.FromMilliseconds(random.Next(200)));
            var span = random.Next(3000);
            var sinceMs = bench.Time.NowMs - last.GetValueOrDefault(span);
            bench.Push(Request(bench, span));
            var isNew = Counted(bench) > counted;
            counted = Counted(bench);
            if (sinceMs < s_window.TotalMilliseconds)
                Assert.False(isNew, $"span {i} came {sinceMs} ms ago");
            else if (sinceMs >= 2 * s_window.TotalMilliseconds)
                Assert.True(isNew, $"span {i} came {sinceMs} ms ago");
            last[span] = bench.Time.NowMs;
        }
    }

    private static GeneratorBench Bench(Func<GeneratorSettings, GeneratorSettings>? configure = null) => new(s => (configure ?? (o => o))(s with
    {
        DedupeWindow = s_window,
        SpanMetricsLatency = false,
        ServiceGraphsRequest = false,
        ServiceGraphsLatency = false,
    }));

    private void Push(GeneratorBench bench, int span)
    {
        bench.Push(Request(bench, span));
        _pushed = (int)Counted(bench);
    }

    private static long Counted(GeneratorBench bench)
    {
        var series = new Recorder();
        bench.Generator.Visit(series);
        return (long)series.Samples.Where(static s => s.Key.StartsWith("traces_spanmetrics_calls_total", StringComparison.Ordinal)).Sum(static s => s.Value.Value);
    }

    private static ExportTraceServiceRequest Request(GeneratorBench bench, params int[] spans) => new()
    {
        ResourceSpans =
        {
            new ResourceSpans
            {
                ScopeSpans =
                {
                    new ScopeSpans
                    {
                        Spans =
                        {
                            spans.Select(span => new Span
                            {
                                TraceId = ByteString.CopyFrom([.. BitConverter.GetBytes(span / 10), .. new byte[11], 1]),
                                SpanId = ByteString.CopyFrom([.. BitConverter.GetBytes(span), .. new byte[3], 1]),
                                Kind = Kind.Server,
                                Name = "a",
                                StartTimeUnixNano = bench.Time.NowNanos,
                                EndTimeUnixNano = bench.Time.NowNanos,
                            }),
                        },
                    },
                },
            },
        },
    };
}
