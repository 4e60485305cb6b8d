using System.Text;
using OrleansTempo.Core.Generator.Samples;

namespace OrleansTempo.Bench.Micro;

/// <summary>
/// The series of a tenant as a collection visits them: entities with four labels and values of about 20 bytes, each with the 17
/// series of a latency histogram on default buckets and two counters.
/// </summary>
internal sealed class SyntheticSeries
{
    public const int SeriesPerEntity = 19;
    public const long TimestampMs = 1_780_000_000_000;

    private readonly MetricName _calls = new("traces_spanmetrics_calls_total", MetricType.Counter);
    private readonly MetricName _size = new("traces_spanmetrics_size_total", MetricType.Counter);
    private readonly MetricName _bucket = new("traces_spanmetrics_latency", MetricType.Histogram, "_bucket");
    private readonly MetricName _sum = new("traces_spanmetrics_latency", MetricType.Histogram, "_sum");
    private readonly MetricName _count = new("traces_spanmetrics_latency", MetricType.Histogram, "_count");
    private readonly BucketBound[] _bounds = [.. Enumerable.Range(0, 14).Select(i => new BucketBound(0.002 * (1 << i))), new(double.PositiveInfinity)];
    private readonly LabelSet[] _entities;
    private readonly int[] _counts;
    private readonly byte[] _traceIds;
    private readonly int _exemplarsPerEntity;
    private readonly double[] _sums;
    private readonly double[] _sizes;

    /// <param name="series">The minimum number of series; rounded up to whole entities.</param>
    /// <param name="exemplarsPerEntity">The number of buckets of an entity with an exemplar, each of another trace.</param>
    public SyntheticSeries(int series, int exemplarsPerEntity = 0)
    {
        var random = new Random(1);
        _exemplarsPerEntity = exemplarsPerEntity;
        var entities = (series + SeriesPerEntity - 1) / SeriesPerEntity;
        _entities = new LabelSet[entities];
        _counts = new int[entities * _bounds.Length];
        _traceIds = new byte[entities * exemplarsPerEntity * 16];
        random.NextBytes(_traceIds);
        _sums = new double[entities];
        _sizes = new double[entities];
        for (var i = 0; i < entities; i++)
        {
            _entities[i] = new LabelSet(
            [
                Label("service", $"checkout-service-{i / 1000:D4}"),
                Label("span_name", $"GET /orders/items/{i % 1000:D4}"),
                Label("span_kind", i % 2 == 0 ? "SPAN_KIND_SERVER" : "SPAN_KIND_CLIENT"),
                Label("status_code", "STATUS_CODE_UNSET"),
            ]);
            var count = 0;
            for (var b = 0; b < _bounds.Length; b++)
                _counts[(i * _bounds.Length) + b] = count += random.Next(0, 500);
            _sums[i] = random.NextDouble() * count;
            _sizes[i] = count * 312.0;
        }
    }

    public int Count => _entities.Length * SeriesPerEntity;

    public void Visit(ISeriesVisitor visitor)
    {
        for (var i = 0; i < _entities.Length; i++)
        {
            var counts = _counts.AsSpan(i * _bounds.Length, _bounds.Length);
            var labels = _entities[i];
            visitor.Visit(new SeriesPoint { Labels = labels, Name = _calls, Value = counts[^1], TimestampMs = TimestampMs });
            visitor.Visit(new SeriesPoint { Labels = labels, Name = _size, Value = _sizes[i], TimestampMs = TimestampMs });
            visitor.Visit(new SeriesPoint { Labels = labels, Name = _count, Value = counts[^1], TimestampMs = TimestampMs });
            visitor.Visit(new SeriesPoint { Labels = labels, Name = _sum, Value = _sums[i], TimestampMs = TimestampMs });
            for (var b = 0; b < counts.Length; b++)
            {
                visitor.Visit(new SeriesPoint
                {
                    Labels = labels,
                    Name = _bucket,
                    Bucket = _bounds[b],
                    Value = counts[b],
                    TimestampMs = TimestampMs,
                    ExemplarTraceId = b < _exemplarsPerEntity ? _traceIds.AsSpan(((i * _exemplarsPerEntity) + b) * 16, 16) : default,
                    ExemplarValue = _bounds[b].Value * 0.75,
                    ExemplarTimestampMs = TimestampMs - (i % 15_000),
                });
            }
        }
    }

    private static KeyValuePair<byte[], byte[]> Label(string name, string value) => new(Encoding.UTF8.GetBytes(name), Encoding.UTF8.GetBytes(value));
}
