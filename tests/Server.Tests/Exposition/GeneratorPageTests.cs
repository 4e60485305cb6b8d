using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Text;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Server.Exposition;
using OrleansTempo.Server.Ports;

namespace OrleansTempo.Server.Tests.Exposition;

public class GeneratorPageTests
{
    private static readonly MetricName s_calls = new("traces_spanmetrics_calls_total", MetricType.Counter);
    private static readonly MetricName s_bucket = new("traces_spanmetrics_latency", MetricType.Histogram, "_bucket");
    private static readonly MetricName s_sum = new("traces_spanmetrics_latency", MetricType.Histogram, "_sum");
    private static readonly MetricName s_count = new("traces_spanmetrics_latency", MetricType.Histogram, "_count");
    private static readonly MetricName s_native = new("traces_spanmetrics_latency", MetricType.Histogram);
    private static readonly MetricName s_info = new("traces_target_info", MetricType.Gauge);
    private static readonly BucketBound s_small = new(0.002);
    private static readonly BucketBound s_infinite = new(double.PositiveInfinity);
    private static readonly byte[] s_traceId = Convert.FromHexString("000000000000000000000000000000ff");

    [Fact]
    public async Task Entities_are_grouped_by_family_in_prometheus_text()
    {
        await using var server = await RunningServer.StartAsync();
        server.Series.Tenant = "single-tenant";
        server.Series.Points = TwoEntities;
        using var response = await server.Client.GetAsync(server.Api("/generator/metrics"));

        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", response.Content.Headers.ContentType?.ToString());
        Assert.Equal(
            """
            # TYPE traces_spanmetrics_calls_total counter
            traces_spanmetrics_calls_total{service="a",span_name="x\"\\\n"} 3
            traces_spanmetrics_calls_total{service="b"} 1.5
            # TYPE traces_spanmetrics_latency histogram
            traces_spanmetrics_latency_bucket{service="a",span_name="x\"\\\n",le="0.002"} 1
            traces_spanmetrics_latency_bucket{service="a",span_name="x\"\\\n",le="+Inf"} 3
            traces_spanmetrics_latency_count{service="a",span_name="x\"\\\n"} 3
            traces_spanmetrics_latency_sum{service="a",span_name="x\"\\\n"} 0.25
            traces_spanmetrics_latency_bucket{service="b",le="+Inf"} 1
            # TYPE traces_target_info gauge
            traces_target_info 1

            """,
            await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task OpenMetrics_has_exemplars_and_names_the_family_of_a_counter_without_its_suffix()
    {
        await using var server = await RunningServer.StartAsync(RunningServer.Options with { TraceIdLabelName = "trace_id" });
        server.Series.Tenant = "single-tenant";
        server.Series.Points = TwoEntities;
        server.Client.DefaultRequestHeaders.Add("Accept", "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2");
        using var response = await server.Client.GetAsync(server.Api("/generator/metrics"));

        Assert.Equal("application/openmetrics-text; version=1.0.0; charset=utf-8", response.Content.Headers.ContentType?.ToString());
        Assert.Equal(
            """
            # TYPE traces_spanmetrics_calls counter
            traces_spanmetrics_calls_total{service="a",span_name="x\"\\\n"} 3
            traces_spanmetrics_calls_total{service="b"} 1.5
            # TYPE traces_spanmetrics_latency histogram
            traces_spanmetrics_latency_bucket{service="a",span_name="x\"\\\n",le="0.002"} 1
            traces_spanmetrics_latency_bucket{service="a",span_name="x\"\\\n",le="+Inf"} 3 # {trace_id="000000000000000000000000000000ff"} 0.2 1790000000.007
            traces_spanmetrics_latency_count{service="a",span_name="x\"\\\n"} 3
            traces_spanmetrics_latency_sum{service="a",span_name="x\"\\\n"} 0.25
            traces_spanmetrics_latency_bucket{service="b",le="+Inf"} 1
            # TYPE traces_target_info gauge
            traces_target_info 1
            # EOF

            """,
            await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_tenant_has_its_own_page_or_none()
    {
        await using var server = await RunningServer.StartAsync(RunningServer.Options with { MultitenancyEnabled = true });
        server.Series.Tenant = "team-a";
        server.Series.Points = TwoEntities;

        Assert.Equal(HttpStatusCode.OK, await StatusAsync("team-a"));
        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync("team-b"));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(null));
        Assert.Equal(HttpStatusCode.BadRequest, await StatusAsync("a/b"));
        Assert.Equal(HttpStatusCode.BadRequest, await StatusAsync("team-a|team-b"));

        async Task<HttpStatusCode> StatusAsync(string? tenant)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, server.Api("/generator/metrics"));
            if (tenant is not null)
                request.Headers.Add("X-Scope-OrgID", tenant);
            using var response = await server.Client.SendAsync(request);
            return response.StatusCode;
        }
    }

    [Fact]
    public async Task A_large_page_arrives_whole()
    {
        await using var server = await RunningServer.StartAsync();
        server.Series.Tenant = "single-tenant";
        server.Series.Points = static visitor =>
        {
            for (var i = 0; i < 20_000; i++)
                visitor.Visit(new() { Labels = Labels(("service", $"service-{i}")), Name = s_calls, Value = i, TimestampMs = 1 });
        };
        var lines = (await server.Client.GetStringAsync(server.Api("/generator/metrics"))).Split('\n');
        Assert.Equal(20_002, lines.Length);
        Assert.Equal("traces_spanmetrics_calls_total{service=\"service-19999\"} 19999", lines[^2]);
    }

    [Fact]
    public async Task A_page_of_recorded_series_equals_the_page_written_directly()
    {
        var there = await PageAsync(TwoEntities);
        var recorded = Recorded(TwoEntities);

        Assert.Equal(there, await PageAsync(visitor => SeriesRecording.Replay(recorded, visitor)));
        Assert.Contains("00ff", there, StringComparison.Ordinal);

        static async Task<string> PageAsync(Action<ISeriesVisitor> visit)
        {
            using var stream = new MemoryStream();
            await new GeneratorPage(new FixedReading(visit), "trace_id").WriteAsync(PipeWriter.Create(stream), ExpositionFormat.OpenMetrics, CancellationToken.None);
            return Encoding.UTF8.GetString(stream.ToArray());
        }
    }

    [Fact]
    public async Task A_native_histogram_alone_is_a_histogram_of_one_bucket_and_one_beside_a_classic_is_left_out()
    {
        await using var server = await RunningServer.StartAsync();
        server.Series.Tenant = "single-tenant";
        server.Series.Points = static visitor =>
        {
            var a = Labels(("service", "a"));
            var b = Labels(("service", "b"));
            visitor.Visit(new() { Labels = a, Name = s_bucket, Bucket = s_infinite, Value = 7.5, TimestampMs = 1 });
            visitor.Visit(new() { Labels = a, Name = s_sum, Value = 2.5, TimestampMs = 1 });
            visitor.Visit(new() { Labels = a, Name = s_count, Value = 7.5, TimestampMs = 1 });
            Native(visitor, a);
            visitor.Visit(new() { Labels = a, Name = s_calls, Value = 7.5, TimestampMs = 1 });
            Native(visitor, b);
        };

        Assert.Equal(
            """
            # TYPE traces_spanmetrics_latency histogram
            traces_spanmetrics_latency_bucket{service="a",le="+Inf"} 7.5
            traces_spanmetrics_latency_sum{service="a"} 2.5
            traces_spanmetrics_latency_count{service="a"} 7.5
            traces_spanmetrics_latency_bucket{service="b",le="+Inf"} 8
            traces_spanmetrics_latency_sum{service="b"} 2.5
            traces_spanmetrics_latency_count{service="b"} 8
            # TYPE traces_spanmetrics_calls_total counter
            traces_spanmetrics_calls_total{service="a"} 7.5

            """,
            await server.Client.GetStringAsync(server.Api("/generator/metrics")));

        static void Native(ISeriesVisitor visitor, LabelSet labels) => visitor.Visit(new()
        {
            Labels = labels,
            Name = s_native,
            Value = 2.5,
            TimestampMs = 1,
            IsNative = true,
            Native = new() { Count = 8, Sum = 2.5, Schema = 3, ZeroThreshold = 1e-39, ZeroCount = 8 },
        });
    }

    [Fact]
    public async Task A_page_of_any_length_is_read_no_faster_than_its_client_reads_it()
    {
        // A client that takes nothing, then all.
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 64 << 10, resumeWriterThreshold: 32 << 10, useSynchronizationContext: false));
        var reading = new EndlessReading(pieces: 2000);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var writing = new GeneratorPage(reading, "trace_id").WriteAsync(pipe.Writer, ExpositionFormat.Prometheus, CancellationToken.None);

        Assert.False(writing.IsCompleted);
        Assert.InRange(reading.Read, 1, 20);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);

        long bytes = 0, most = 0;
        var whole = EndAsync();
        ReadResult result;
        do
        {
            result = await pipe.Reader.ReadAsync();
            bytes += result.Buffer.Length;
            most = Math.Max(most, result.Buffer.Length);
            pipe.Reader.AdvanceTo(result.Buffer.End);
        }
        while (!result.IsCompleted);
        await whole;
        Assert.Equal(2000, reading.Read);
        Assert.InRange(bytes, 10 << 20, 100 << 20);
        Assert.InRange(most, 1, 256 << 10);

        async Task EndAsync()
        {
            await writing;
            await pipe.Writer.CompleteAsync();
        }
    }

    // 100 series a piece, some 6 KB.
    private sealed class EndlessReading(int pieces) : ISeriesReading
    {
        private readonly LabelSet _labels = Labels(("service", "shop"), ("span_name", "GET /items"));

        public int Read { get; private set; }

        public IReadOnlyList<string> Families { get; } = [s_calls.Family];

        public ValueTask<bool> VisitNextAsync(string family, ISeriesVisitor visitor, CancellationToken cancellationToken)
        {
            Read++;
            for (var i = 0; i < 100; i++)
                visitor.Visit(new() { Labels = _labels, Name = s_calls, Value = i, TimestampMs = 1 });
            return new(Read < pieces);
        }
    }

    private static byte[] Recorded(Action<ISeriesVisitor> visit)
    {
        var output = new ArrayBufferWriter<byte>();
        var recording = new SeriesRecording(output);
        visit(recording);
        recording.Complete();
        return output.WrittenSpan.ToArray();
    }

    private static void TwoEntities(ISeriesVisitor visitor)
    {
        var a = Labels(("span_name", "x\"\\\n"), ("service", "a"));
        var b = Labels(("service", "b"));
        visitor.Visit(new() { Labels = a, Name = s_calls, Value = 3, TimestampMs = 1 });
        visitor.Visit(new() { Labels = a, Name = s_count, Value = 3, TimestampMs = 1 });
        visitor.Visit(new() { Labels = a, Name = s_sum, Value = 0.25, TimestampMs = 1 });
        visitor.Visit(new() { Labels = a, Name = s_bucket, Bucket = s_small, Value = 1, TimestampMs = 1 });
        visitor.Visit(new() { Labels = a, Name = s_bucket, Bucket = s_infinite, Value = 3, TimestampMs = 1, ExemplarTraceId = s_traceId, ExemplarValue = 0.2, ExemplarTimestampMs = 1_790_000_000_007 });
        visitor.Visit(new() { Labels = b, Name = s_calls, Value = 1.5, TimestampMs = 1 });
        visitor.Visit(new() { Labels = b, Name = s_bucket, Bucket = s_infinite, Value = 1, TimestampMs = 1 });
        visitor.Visit(new() { Labels = Labels(("service", "gone")), Name = s_calls, Value = BitConverter.Int64BitsToDouble(SeriesPoint.StaleMarkerBits), TimestampMs = 1 });
        visitor.Visit(new() { Labels = Labels(), Name = s_info, Value = 1, TimestampMs = 1 });
    }

    private static LabelSet Labels(params (string Name, string Value)[] labels) =>
        new(labels.Select(static l => KeyValuePair.Create(Encoding.UTF8.GetBytes(l.Name), Encoding.UTF8.GetBytes(l.Value))));
}
