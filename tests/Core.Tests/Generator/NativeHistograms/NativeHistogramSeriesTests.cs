using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Tests.Otlp;
using Kind = OrleansTempo.Tests.Otlp.Span.Types.SpanKind;

namespace OrleansTempo.Core.Tests.Generator.NativeHistograms;

public sealed class NativeHistogramSeriesTests
{
    private static readonly string s_calls = Series("traces_spanmetrics_calls_total");
    private static readonly string s_native = Series("traces_spanmetrics_latency");
    private static readonly string s_count = Series("traces_spanmetrics_latency_count");

    [Fact]
    public void A_native_series_with_the_name_of_the_family_is_beside_the_classic_series()
    {
        var classic = Bench(HistogramMode.Classic);
        var both = Bench(HistogramMode.Both);
        foreach (var bench in (GeneratorBench[])[classic, both])
            bench.Push("cart", Span(0.3), Span(0.3), Span(0), Span(17));

        var expected = classic.Collect();
        var series = both.Collect();

        Assert.Equal([s_native], series.Series.Except(expected.Series));
        Assert.All(expected.Samples, s => Assert.Equal(s.Value, series.Samples[s.Key]));
        Assert.Equal("schema 3, count 4, zero 1: -13=2 33=1", series.Samples[s_native].Native);
        Assert.Equal(17.6, series[s_native], 1e-12);
        Assert.Equal(series.Samples.Count, both.Generator.ActiveSeries);
    }

    [Fact]
    public void Native_histograms_alone_are_one_series_each()
    {
        var bench = Bench(HistogramMode.Native, s => s with
        {
            ServiceGraphsRequest = false,
            ServiceGraphsLatency = true,
            ServiceGraphs = s.ServiceGraphs with { EnableMessagingSystemLatencyHistogram = true },
        });
        bench.Push("web", GeneratorBench.Span("send", Kind.Producer, 1));
        bench.Time.Advance(TimeSpan.FromSeconds(1));
        bench.Push("cart", GeneratorBench.Span("take", Kind.Consumer, 2, parent: 1));

        var series = bench.Collect().Samples;

        Assert.Equal(
            [
                "traces_service_graph_request_client_seconds", "traces_service_graph_request_messaging_system_seconds", "traces_service_graph_request_server_seconds",
                "traces_spanmetrics_calls_total", "traces_spanmetrics_calls_total", "traces_spanmetrics_latency", "traces_spanmetrics_latency",
            ],
            series.Keys.Select(s => s[..s.IndexOf('{')]).Order(StringComparer.Ordinal));
        Assert.All(series, s => Assert.Equal(!s.Key.Contains("_total"), s.Value.Native is not null));
        Assert.Equal(
            "schema 3, count 1, zero 0: 0=1",
            series["""traces_service_graph_request_messaging_system_seconds{client="web",connection_type="messaging_system",server="cart"}"""].Native);
        Assert.Equal(7, bench.Generator.ActiveSeries);
    }

    // The calls, the 15 buckets with _sum and _count, the native one.
    [Theory]
    [InlineData(HistogramMode.Classic, 2 * 18)]
    [InlineData(HistogramMode.Both, 2 * 19)]
    [InlineData(HistogramMode.Native, 2 * 2)]
    public void Each_form_counts_its_own_number_of_series(HistogramMode mode, int series)
    {
        var enough = Bench(mode, s => s with { MaxActiveSeries = series });
        var tooFew = Bench(mode, s => s with { MaxActiveSeries = series - 1 });
        foreach (var bench in (GeneratorBench[])[enough, tooFew])
            bench.Push("cart", Span(1), Span(1, name: "b"));

        Assert.DoesNotContain(enough.Collect().Series, s => s.Contains("metric_overflow"));
        Assert.Equal(1, tooFew.Collect()["""traces_spanmetrics_calls_total{metric_overflow="true"}"""]);
    }

    [Fact]
    public void Beyond_the_limit_the_overflow_also_has_native_histograms()
    {
        var bench = Bench(HistogramMode.Both, s => s with { MaxActiveSeries = 1 });
        bench.Push("cart", Span(1), Span(1, name: "b"));

        Assert.Equal("schema 3, count 2, zero 0: 0=2", bench.Collect().Samples["""traces_spanmetrics_latency{metric_overflow="true"}"""].Native);
    }

    [Theory]
    [InlineData(0.4, 2.5, 3)]
    [InlineData(0.5, 2, 2)]
    [InlineData(4.0, 0.25, 1)]
    [InlineData(1e-300, 1e300, 4294967296)]
    public void A_multiplier_is_rounded_up_to_a_whole_number(double ratio, double weight, ulong times)
    {
        var bench = Bench(HistogramMode.Both, s => s with { SpanMetrics = s.SpanMetrics with { SpanMultiplierKey = "ratio" } });
        bench.Push("cart", GeneratorBench.Span("a", Kind.Internal, 1, seconds: 1, attributes: ("ratio", ratio)));

        var series = bench.Collect().Samples;

        Assert.Equal(weight, series[s_count].Value, weight * 1e-12);
        Assert.Equal($"schema 3, count {times}, zero 0: 0={times}", series[s_native].Native);
        Assert.Equal(times, series[s_native].Value);
    }

    [Fact]
    public void A_native_series_starts_with_an_empty_sample_and_ends_with_a_staleness_marker()
    {
        var bench = Bench(HistogramMode.Native);
        var seenMs = bench.Time.NowMs;
        bench.Push("cart", Span(1));

        var first = bench.Collect().Samples[s_native];
        var second = bench.Collect().Samples[s_native];
        bench.Time.Advance(TimeSpan.FromMinutes(15));
        var last = bench.Collect().Samples[s_native];

        Assert.Equal((seenMs, 0), (first.ZeroTimestampMs, second.ZeroTimestampMs));
        Assert.True(last.IsStale);
        Assert.Equal(("schema 3, count 0, zero 0:", 0), (last.Native, last.ZeroTimestampMs));
        Assert.Equal(0, bench.Generator.ActiveSeries);
        Assert.Empty(bench.Collect().Series);
    }

    [Fact]
    public void After_a_reset_the_native_series_continues_with_an_empty_sample_and_the_classic_one_is_unaffected()
    {
        var bench = Bench(HistogramMode.Both, s => s with { NativeHistograms = s.NativeHistograms with { MaxBucketNumber = 2, MinResetDuration = TimeSpan.FromSeconds(20) } });
        bench.Push("cart", Span(1), Span(2), Span(8));
        Assert.Equal("schema 2, count 3, zero 0: 0=1 4=1 12=1", bench.Collect().Samples[s_native].Native);
        bench.Push("cart", Span(1), Span(1), Span(1), Span(1), Span(1), Span(1));
        bench.Time.Advance(TimeSpan.FromSeconds(20));
        var before = bench.Collect();
        bench.Push("cart", Span(2), Span(2));

        var after = bench.Collect();
        var later = bench.Collect();

        Assert.Equal("schema -2, count 9, zero 0: 0=7 1=2", before.Samples[s_native].Native);
        Assert.Equal(0, before.Samples[s_native].ZeroTimestampMs);
        Assert.Equal("schema 3, count 2, zero 0: 8=2", after.Samples[s_native].Native);
        Assert.Equal(before.Samples[s_native].TimestampMs + 1, after.Samples[s_native].ZeroTimestampMs);
        Assert.Equal((11, 0), (after[s_count], after.Samples[s_count].ZeroTimestampMs));
        Assert.Equal(0, later.Samples[s_native].ZeroTimestampMs);
    }

    [Fact]
    public void Increases_add_up_to_the_observations_however_often_the_histogram_is_reset()
    {
        var bench = Bench(HistogramMode.Native, s => s with { NativeHistograms = s.NativeHistograms with { MaxBucketNumber = 3, MinResetDuration = TimeSpan.FromSeconds(3) } });
        var random = new Random(1);
        ulong observed = 0, increase = 0, former = 0;
        var resets = 0;
        for (var collection = 0; collection < 200; collection++)
        {
            for (var i = random.Next(5); i > 0; i--, observed++)
                bench.Push("cart", Span(Math.Pow(10, random.NextDouble() * 6 - 3)));
            if (!bench.Collect().Samples.TryGetValue(s_native, out var sample))
                continue;
            var count = ulong.Parse(sample.Native!.Split("count ")[1].Split(',')[0]);
            if (sample.ZeroTimestampMs != 0)
                (former, resets) = (0, resets + 1);
            Assert.True(count >= former, $"from {former} to {count} without an empty sample");
            increase += count - former;
            former = count;
        }

        Assert.Equal(observed, increase);
        Assert.InRange(resets, 10, 70);
    }

    [Fact]
    public void Beside_a_classic_histogram_the_exemplars_are_those_of_its_buckets()
    {
        var bench = Bench(HistogramMode.Both);
        bench.Push("cart", Span(0.3, trace: 1), Span(0.4, trace: 2));
        var ms = bench.Time.NowMs;
        bench.Time.Advance(TimeSpan.FromSeconds(1));
        bench.Push("cart", Span(0.001, trace: 3));

        Assert.Equal($"00000000000000000000000000000002=0.4@{ms} 00000000000000000000000000000003=0.001@{ms + 1000}", bench.Collect().Samples[s_native].NativeExemplars);
        Assert.Equal("", bench.Collect().Samples[s_native].NativeExemplars);
    }

    [Fact]
    public void Without_classic_buckets_the_exemplars_are_the_latest_per_power_of_two_and_at_most_ten()
    {
        var bench = Bench(HistogramMode.Native);
        var ms = bench.Time.NowMs;
        for (byte i = 0; i < 30; i++)
            bench.Push("cart", Span(Math.Pow(2, i - 20) * 1.5, trace: (byte)(i + 1)), Span(0, trace: 99));
        bench.Push("cart", Span(1.3, trace: 200), Span(1.25, trace: 201));

        var exemplars = bench.Collect().Samples[s_native].NativeExemplars.Split(' ');

        Assert.Equal(10, exemplars.Length);
        Assert.Contains($"000000000000000000000000000000c9=1.25@{ms}", exemplars);
        Assert.Equal("", bench.Collect().Samples[s_native].NativeExemplars);
    }

    [Theory]
    [InlineData(HistogramMode.Classic, HistogramMode.Both)]
    [InlineData(HistogramMode.Classic, HistogramMode.Native)]
    [InlineData(HistogramMode.Both, HistogramMode.Classic)]
    [InlineData(HistogramMode.Both, HistogramMode.Native)]
    [InlineData(HistogramMode.Native, HistogramMode.Classic)]
    [InlineData(HistogramMode.Native, HistogramMode.Both)]
    public void A_change_of_form_ends_the_old_series_starts_the_new_ones_and_leaves_the_rest_alone(HistogramMode from, HistogramMode to)
    {
        bool HasClassic(HistogramMode mode) => mode != HistogramMode.Native;
        bool HasNative(HistogramMode mode) => mode != HistogramMode.Classic;
        var bench = Bench(from);
        bench.Push("cart", Span(1), Span(1));
        bench.Collect();

        bench.Apply(s => s with { NativeHistograms = s.NativeHistograms with { Mode = to } });
        bench.Push("cart", Span(1));
        var changed = bench.Collect();
        var after = bench.Collect();

        Assert.Equal((3, 0), (changed[s_calls], changed.Samples[s_calls].ZeroTimestampMs));
        Check(s_count, HasClassic(from), HasClassic(to));
        Check(s_native, HasNative(from), HasNative(to));
        Assert.Equal(after.Samples.Count, bench.Generator.ActiveSeries);

        void Check(string series, bool before, bool now)
        {
            Assert.Equal(before || now, changed.Samples.TryGetValue(series, out var sample));
            Assert.Equal(before && !now, sample is { IsStale: true });
            Assert.Equal(!before && now, sample is { ZeroTimestampMs: not 0 });
            Assert.Equal(now, after.Series.Contains(series));
            if (now)
                Assert.Equal(before ? 3 : 1, after[series]);
        }
    }

    [Fact]
    public void Another_bucket_factor_restarts_only_the_native_series()
    {
        var bench = Bench(HistogramMode.Both);
        bench.Push("cart", Span(1), Span(1));
        bench.Collect();

        bench.Apply(s => s with { NativeHistograms = s.NativeHistograms with { BucketFactor = 2 } });
        bench.Push("cart", Span(3));

        var series = bench.Collect();
        Assert.Equal("schema 0, count 1, zero 0: 2=1", series.Samples[s_native].Native);
        Assert.NotEqual(0, series.Samples[s_native].ZeroTimestampMs);
        Assert.Equal((3, 0), (series[s_count], series.Samples[s_count].ZeroTimestampMs));
        Assert.Equal((3, 0), (series[s_calls], series.Samples[s_calls].ZeroTimestampMs));
        Assert.Equal(series.Samples.Count, bench.Generator.ActiveSeries);
    }

    [Fact]
    public void Changes_that_keep_the_buckets_keep_the_counts_under_the_new_limits()
    {
        var bench = Bench(HistogramMode.Both);
        bench.Push("cart", Span(1), Span(2));
        bench.Collect();

        bench.Apply(s => s with { NativeHistograms = s.NativeHistograms with { BucketFactor = 1.15, MaxBucketNumber = 2 } });
        Assert.Equal("schema 3, count 2, zero 0: 0=1 8=1", bench.Collect().Samples[s_native].Native);
        bench.Push("cart", Span(4));

        var sample = bench.Collect().Samples[s_native];
        Assert.Equal("schema 2, count 3, zero 0: 0=1 4=1 8=1", sample.Native);
        Assert.Equal(0, sample.ZeroTimestampMs);
    }

    [Fact]
    public void A_snapshot_contains_native_histograms_completely()
    {
        var bench = Bench(HistogramMode.Both, s => s with { NativeHistograms = s.NativeHistograms with { MaxBucketNumber = 2, MinResetDuration = TimeSpan.FromSeconds(10) } });
        bench.Push("cart", Span(1), Span(2), Span(8), Span(0));
        var before = bench.Collect().Samples[s_native];

        bench.Restart();
        Assert.Equal(before.Native, bench.Collect().Samples[s_native].Native);
        bench.Time.Advance(TimeSpan.FromSeconds(10));
        bench.Restart();
        Assert.Equal(before.Native, bench.Collect().Samples[s_native].Native);
        bench.Restart();
        bench.Push("cart", Span(1));

        var after = bench.Collect().Samples[s_native];
        Assert.Equal("schema 3, count 1, zero 0: 0=1", after.Native);
        Assert.NotEqual(0, after.ZeroTimestampMs);
    }

    private static GeneratorBench Bench(HistogramMode mode, Func<GeneratorSettings, GeneratorSettings>? configure = null) => new(s => (configure ?? (x => x))(s with
    {
        SpanMetricsSize = false,
        ServiceGraphsRequest = false,
        ServiceGraphsLatency = false,
        NativeHistograms = new NativeHistogramOptions { Mode = mode },
    }));

    private static Span Span(double seconds, string name = "a", byte trace = 1) => GeneratorBench.Span(name, Kind.Internal, 1, seconds: seconds, trace: trace);

    private static string Series(string name) => $$"""{{name}}{service="cart",span_kind="SPAN_KIND_INTERNAL",span_name="a",status_code="STATUS_CODE_UNSET"}""";
}
