using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.Generator.ServiceGraphs;
using Kind = OrleansTempo.Tests.Otlp.Span.Types.SpanKind;

namespace OrleansTempo.Core.Tests.Generator;

/// <summary>The system clock is set forward or back, while time passes evenly.</summary>
public sealed class SetClockTests
{
    private static readonly TimeSpan s_day = TimeSpan.FromDays(1);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void New_series_continue_when_the_clock_goes_a_day_forward_and_back(bool isRestarted)
    {
        var bench = new GeneratorBench();
        Push(bench, "a");
        bench.Collect();
        bench.Time.SetClock(s_day);
        Push(bench, "b");
        var ahead = bench.Collect();
        bench.Time.SetClock(-s_day);
        if (isRestarted)
            bench.Restart();

        Push(bench, "c");
        var first = bench.Collect();
        Push(bench, "c");
        var second = bench.Collect();

        Assert.Equal(1, first[Calls("c")]);
        Assert.Equal(2, second[Calls("c")]);
        Assert.Equal(1, second[Calls("a")]);
        Assert.DoesNotContain(second.Samples.Values, static s => s.IsStale);
        AssertInOrder(ahead, first, second);
    }

    [Fact]
    public void The_zero_of_a_series_that_starts_while_the_clock_is_behind_comes_after_everything_sent()
    {
        var bench = new GeneratorBench();
        Push(bench, "a");
        bench.Time.SetClock(s_day);
        var ahead = bench.Collect().Samples[Calls("a")];
        bench.Time.SetClock(-s_day);
        Push(bench, "b");

        // There is no room for a zero between two timestamps that are 1 ms apart.
        var sample = bench.Collect().Samples[Calls("b")];
        Assert.Equal((ahead.TimestampMs + 1, 0), (sample.TimestampMs, sample.ZeroTimestampMs));
    }

    [Fact]
    public void Timestamps_follow_the_clock_if_nobody_has_accepted_those_ahead_of_it()
    {
        var bench = new GeneratorBench();
        Push(bench, "a");
        var taken = bench.Collect().Samples[Calls("a")].TimestampMs;
        bench.Time.SetClock(s_day);
        bench.Collect();
        bench.Time.SetClock(-s_day);
        bench.Generator.StartAgainAfter(taken);
        Push(bench, "b");
        var seenMs = bench.Time.NowMs;

        var samples = bench.Collect().Samples;
        Assert.All(samples.Values, s => Assert.Equal(bench.Time.NowMs, s.TimestampMs));
        Assert.Equal(seenMs, samples[Calls("b")].ZeroTimestampMs);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public void A_series_goes_stale_after_the_stale_duration_whatever_the_clock_shows(int days)
    {
        var bench = new GeneratorBench();
        Push(bench, "a");
        bench.Collect();
        bench.Time.SetClock(days * s_day);
        bench.Time.Advance(TimeSpan.FromMinutes(14));
        Assert.False(bench.Collect().Samples[Calls("a")].IsStale);

        bench.Time.Advance(TimeSpan.FromMinutes(2));
        Assert.True(bench.Collect().Samples[Calls("a")].IsStale);
        Assert.Equal(0, bench.Generator.ActiveSeries);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public void An_edge_waits_its_full_time_whatever_the_clock_shows(int days)
    {
        var bench = new GeneratorBench();
        bench.Push("web", GeneratorBench.Span("pay", Kind.Client, 1, attributes: ("peer.service", "bank")));
        bench.Time.SetClock(days * s_day);
        bench.Time.Advance(TimeSpan.FromSeconds(8));
        bench.Collect();
        Assert.Equal(1, bench.Generator.WaitingEdges);

        bench.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(1, bench.Collect()["""traces_service_graph_request_total{client="web",connection_type="virtual_node",server="bank"}"""]);
        Assert.Equal(0, bench.Generator.WaitingEdges);
    }

    [Fact]
    public void Ages_in_a_snapshot_from_the_future_are_those_at_the_time_of_writing()
    {
        var bench = new GeneratorBench();
        Push(bench, "a");
        bench.Collect();
        bench.Time.SetClock(s_day);
        bench.Time.Advance(TimeSpan.FromMinutes(10));
        bench.Push("web", GeneratorBench.Span("pay", Kind.Client, 1, attributes: ("peer.service", "bank")));
        var snapshot = bench.Snapshot();
        bench.Time.SetClock(-s_day);
        Assert.True(bench.Renew().TryRestore(snapshot, out var reason), reason);

        bench.Time.Advance(TimeSpan.FromSeconds(10));
        Assert.False(bench.Collect().Samples[Calls("a")].IsStale);
        Assert.Equal(0, bench.Generator.WaitingEdges);
        bench.Time.Advance(TimeSpan.FromMinutes(5));
        Assert.True(bench.Collect().Samples[Calls("a")].IsStale);
    }

    [Fact]
    public void Records_of_changes_made_by_different_clocks_restore_all_series()
    {
        var bench = new GeneratorBench();
        Push(bench, "a");
        bench.Collect();
        List<ReadOnlyMemory<byte>> records = [bench.Snapshot()];
        bench.Time.SetClock(s_day);
        Push(bench, "b");
        bench.Collect();

        // Ages in the previous record are by the clock of that time: a record of changes would make its series look a day old.
        Assert.False(bench.Generator.TryWriteChanges(new System.Buffers.ArrayBufferWriter<byte>()));
        records = [bench.Snapshot()];
        Assert.True(bench.TryRestart(records, out var reason), reason);
        Assert.DoesNotContain(bench.Collect().Samples.Values, static s => s.IsStale);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public void A_span_is_known_for_the_dedupe_window_whatever_the_clock_shows(int days)
    {
        var bench = new GeneratorBench(static s => s with { DedupeWindow = TimeSpan.FromMinutes(1), IngestionTimeRangeSlack = TimeSpan.FromDays(2) });
        var span = GeneratorBench.Span("a", Kind.Internal, 1);
        bench.Push("cart", span);
        bench.Time.SetClock(days * s_day);
        bench.Push("cart", span);
        Assert.Equal(1, bench.Collect()[Calls("a")]);

        bench.Time.Advance(TimeSpan.FromMinutes(3));
        bench.Push("cart", span);
        Assert.Equal(2, bench.Collect()[Calls("a")]);
    }

    [Fact]
    public void A_label_is_limited_in_time_after_the_clock_was_set_back()
    {
        var bench = new GeneratorBench(static s => s with { MaxCardinalityPerLabel = 3 });
        Push(bench, "a");
        bench.Time.SetClock(-s_day);
        for (var i = 0; i < 10; i++)
            Push(bench, $"name {i}");
        bench.Time.Advance(TimeSpan.FromSeconds(16));
        bench.Push("cart", GeneratorBench.Span("one more", Kind.Internal, 1));

        Assert.Equal(1, bench.Collect()["""traces_spanmetrics_calls_total{service="cart",span_kind="SPAN_KIND_INTERNAL",span_name="__cardinality_overflow__",status_code="STATUS_CODE_UNSET"}"""]);
    }

    [Theory]
    [InlineData(HistogramMode.Classic)]
    [InlineData(HistogramMode.Native)]
    public void Exemplars_are_stamped_by_the_clock_and_never_earlier_than_the_last_collection(HistogramMode mode)
    {
        var bench = new GeneratorBench(s => s with { NativeHistograms = s.NativeHistograms with { Mode = mode } });
        Push(bench, "a");
        bench.Collect();
        bench.Time.SetClock(s_day);
        Push(bench, "a");
        var seenMs = bench.Time.NowMs;
        Assert.Equal(seenMs, StampOf(bench));
        var collectedMs = bench.Generator.LastCollectionMs;
        bench.Time.SetClock(-s_day);
        Push(bench, "a");
        Assert.Equal(collectedMs, StampOf(bench));

        static long StampOf(GeneratorBench bench)
        {
            var stamps = new ExemplarStamps();
            bench.Time.Advance(TimeSpan.FromSeconds(1));
            bench.Generator.Collect(stamps);
            return Assert.Single(stamps.Stamps);
        }
    }

    private static void Push(GeneratorBench bench, string name) => bench.Push("cart", GeneratorBench.Span(name, Kind.Internal, 1));

    private static string Calls(string name) => $$"""traces_spanmetrics_calls_total{service="cart",span_kind="SPAN_KIND_INTERNAL",span_name="{{name}}",status_code="STATUS_CODE_UNSET"}""";

    private static void AssertInOrder(params Recorder[] collections)
    {
        var last = new Dictionary<string, long>();
        foreach (var (series, sample) in collections.SelectMany(static c => c.Samples))
        {
            var earliest = sample.ZeroTimestampMs > 0 ? sample.ZeroTimestampMs : sample.TimestampMs;
            Assert.True(earliest > last.GetValueOrDefault(series) && sample.TimestampMs >= earliest, $"{series} goes back");
            last[series] = sample.TimestampMs;
        }
    }

    private sealed class ExemplarStamps : Core.Generator.Samples.ISeriesVisitor
    {
        public HashSet<long> Stamps { get; } = [];

        public void Visit(in Core.Generator.Samples.SeriesPoint point)
        {
            if (!point.ExemplarTraceId.IsEmpty)
                Stamps.Add(point.ExemplarTimestampMs);
            foreach (var exemplar in point.Native.Exemplars)
                Stamps.Add(exemplar.TimestampMs);
        }
    }
}
