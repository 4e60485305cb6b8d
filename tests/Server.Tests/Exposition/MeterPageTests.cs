using System.Buffers;
using System.Diagnostics.Metrics;
using System.Text;
using OrleansTempo.Core;
using OrleansTempo.Server.Exposition;

namespace OrleansTempo.Server.Tests.Exposition;

public sealed class MeterPageTests : IDisposable
{
    private readonly TempoMetrics _metrics = new();
    private readonly MeterPage _page;

    public MeterPageTests() => _page = new(_metrics);

    public void Dispose()
    {
        _page.Dispose();
        _metrics.Dispose();
    }

    [Fact]
    public void Pages_written_at_once_are_each_complete()
    {
        // Others begin their page after this one has the value and before they have reported it themselves.
        _metrics.Meter.CreateObservableGauge("slow_before", Slow);
        _metrics.Meter.CreateObservableGauge("waiting", static () => 1);
        _metrics.Meter.CreateObservableGauge("slow_after", Slow);

        Parallel.For(0, 200, new() { MaxDegreeOfParallelism = 8 }, _ => Assert.Contains("\nwaiting 1\n", Page(ExpositionFormat.Prometheus)));

        static int Slow()
        {
            Thread.SpinWait(20_000);
            return 1;
        }
    }

    [Fact]
    public void Counters_add_up_by_their_tags_under_their_own_names()
    {
        _metrics.SpansReceived.Add(3, Tag("tenant", "a"));
        _metrics.SpansReceived.Add(4, Tag("tenant", "a"));
        _metrics.SpansReceived.Add(1, Tag("tenant", "b\"\\\n"));
        _metrics.DiscardedSpans.Add(2, Tag("reason", "rate_limited"), Tag("tenant", "a"));

        var page = Page(ExpositionFormat.Prometheus);
        Assert.Contains(
            """
            # HELP tempo_distributor_spans_received_total Spans received, by tenant
            # TYPE tempo_distributor_spans_received_total counter
            tempo_distributor_spans_received_total{tenant="a"} 7
            tempo_distributor_spans_received_total{tenant="b\"\\\n"} 1

            """,
            page);
        Assert.Contains("tempo_discarded_spans_total{reason=\"rate_limited\",tenant=\"a\"} 2\n", page);
        Assert.DoesNotContain("tempo_distributor_bytes_received_total", page);
    }

    [Fact]
    public void Openmetrics_keeps_every_name_as_it_is()
    {
        _metrics.SpansReceived.Add(1, Tag("tenant", "a"));
        _metrics.Edges.Add(5, Tag("tenant", "a"));

        var page = Page(ExpositionFormat.OpenMetrics);
        Assert.Contains("# TYPE tempo_distributor_spans_received counter\ntempo_distributor_spans_received_total{tenant=\"a\"} 1\n", page);
        Assert.Contains("# TYPE tempo_metrics_generator_processor_service_graphs_edges unknown\ntempo_metrics_generator_processor_service_graphs_edges{tenant=\"a\"} 5\n", page);
        Assert.EndsWith("\n# EOF\n", page);
    }

    [Fact]
    public void A_gauge_shows_its_last_value_and_an_up_down_counter_its_sum()
    {
        _metrics.ActiveSeries.Record(10, Tag("tenant", "a"));
        _metrics.ActiveSeries.Record(4, Tag("tenant", "a"));
        var upDown = _metrics.Meter.CreateUpDownCounter<int>("tempo_test_in_flight");
        upDown.Add(5);
        upDown.Add(-2);

        var page = Page(ExpositionFormat.Prometheus);
        Assert.Contains("# TYPE tempo_metrics_generator_registry_active_series gauge\ntempo_metrics_generator_registry_active_series{tenant=\"a\"} 4\n", page);
        Assert.Contains("# TYPE tempo_test_in_flight gauge\ntempo_test_in_flight 3\n", page);
    }

    [Fact]
    public void Observable_instruments_are_asked_at_each_page_and_forgotten_when_silent()
    {
        List<Measurement<long>> observed = [new(7, Tag("tenant", "a")), new(8, Tag("tenant", "b"))];
        _metrics.Meter.CreateObservableCounter("tempo_test_total", () => observed);
        _metrics.Meter.CreateObservableGauge("tempo_test_ratio", static () => 0.5);

        var first = Page(ExpositionFormat.Prometheus);
        Assert.Contains("# TYPE tempo_test_total counter\ntempo_test_total{tenant=\"a\"} 7\ntempo_test_total{tenant=\"b\"} 8\n", first);
        Assert.Contains("# TYPE tempo_test_ratio gauge\ntempo_test_ratio 0.5\n", first);

        observed = [new(9, Tag("tenant", "b"))];
        Assert.Contains("# TYPE tempo_test_total counter\ntempo_test_total{tenant=\"b\"} 9\n", Page(ExpositionFormat.Prometheus));
    }

    [Fact]
    public void Histograms_have_cumulative_buckets_with_the_advised_bounds()
    {
        var histogram = _metrics.Meter.CreateHistogram("tempo_test_duration_seconds", null, "How long", null, new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.1, 1] });
        foreach (var value in new[] { 0.1, 0.25, 5 })
            histogram.Record(value, Tag("op", "x"));

        Assert.Contains(
            """
            # HELP tempo_test_duration_seconds How long
            # TYPE tempo_test_duration_seconds histogram
            tempo_test_duration_seconds_bucket{op="x",le="0.1"} 1
            tempo_test_duration_seconds_bucket{op="x",le="1"} 2
            tempo_test_duration_seconds_bucket{op="x",le="+Inf"} 3
            tempo_test_duration_seconds_sum{op="x"} 5.35
            tempo_test_duration_seconds_count{op="x"} 3

            """,
            Page(ExpositionFormat.Prometheus));
    }

    [Fact]
    public void The_process_and_the_runtime_are_there_under_usual_names()
    {
        var page = Page(ExpositionFormat.Prometheus);
        foreach (var line in new[] { "# TYPE process_cpu_seconds_total counter\n", "# TYPE process_resident_memory_bytes gauge\n", "# TYPE process_start_time_seconds gauge\n", "# TYPE dotnet_gc_collections_total counter\n", "# TYPE dotnet_gc_pause_time_seconds_total counter\n", "# TYPE dotnet_thread_pool_thread_count gauge\n" })
            Assert.Contains(line, page);
    }

    [Fact]
    public void Another_instances_meter_of_the_same_name_is_not_shown()
    {
        using var other = new TempoMetrics();
        other.SpansReceived.Add(1, Tag("tenant", "other"));
        Assert.DoesNotContain("other", Page(ExpositionFormat.Prometheus));
    }

    private string Page(ExpositionFormat format)
    {
        var output = new ArrayBufferWriter<byte>();
        _page.Write(output, format);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    private static KeyValuePair<string, object?> Tag(string name, string value) => new(name, value);
}
