using System.IO.Pipelines;
using System.Text;
using OrleansTempo.Core;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Server.Ports;

namespace OrleansTempo.Server.Exposition;

/// <summary>
/// Writes the current series of a tenant as a scrape page, piece by piece: it never holds more than one piece of a family, and reads the
/// next one when the client has taken the one before.
/// <para>
/// Neither text format has native histograms. A native histogram beside a classic one is left out; one on its own is written as a
/// classic histogram whose only bucket is <c>+Inf</c>.
/// </para>
/// </summary>
internal sealed class GeneratorPage(ISeriesReading reading, string traceIdLabelName) : ISeriesVisitor
{
    private const int FlushBytes = 64 << 10;

    private static readonly BucketBound s_infinite = new(double.PositiveInfinity);

    // The content of the piece being written.
    private readonly List<Point> _points = [];
    private readonly List<Exemplar> _exemplars = [];
    private readonly Dictionary<MetricName, (MetricName Bucket, MetricName Sum, MetricName Count)> _nativeNames = [];

    public void Visit(in SeriesPoint point)
    {
        if (point.IsStale)
            return;
        if (point.IsNative)
        {
            VisitNative(point);
            return;
        }

        var exemplar = -1;
        if (point.ExemplarTraceId.Length == 16)
        {
            exemplar = _exemplars.Count;
            _exemplars.Add(new(Convert.ToHexStringLower(point.ExemplarTraceId), point.ExemplarValue, point.ExemplarTimestampMs));
        }

        _points.Add(new(point.Labels, point.Name, point.Bucket, point.Value, exemplar));
    }

    // If there is a classic form, it comes first.
    private void VisitNative(in SeriesPoint point)
    {
        if (_points.Count > 0 && ReferenceEquals(_points[^1].Labels, point.Labels))
            return;
        if (!_nativeNames.TryGetValue(point.Name, out var names))
        {
            names = (Name(point.Name, "_bucket"), Name(point.Name, "_sum"), Name(point.Name, "_count"));
            _nativeNames.Add(point.Name, names);
        }

        _points.Add(new(point.Labels, names.Bucket, s_infinite, point.Native.Count, -1));
        _points.Add(new(point.Labels, names.Sum, null, point.Native.Sum, -1));
        _points.Add(new(point.Labels, names.Count, null, point.Native.Count, -1));

        static MetricName Name(MetricName native, string suffix) => new(native.Family, native.Type, suffix);
    }

    /// <summary>Writes the page, flushing as it goes.</summary>
    public async Task WriteAsync(PipeWriter output, ExpositionFormat format, CancellationToken cancellationToken)
    {
        var writer = new ExpositionWriter(output, format);
        foreach (var family in reading.Families)
        {
            var isBegun = false;
            bool goesOn;
            do
            {
                _points.Clear();
                _exemplars.Clear();
                goesOn = await reading.VisitNextAsync(family, this, cancellationToken);
                if (_points.Count > 0 && !isBegun)
                {
                    writer.Family(family, _points[0].Name.Type switch { MetricType.Counter => "counter", MetricType.Histogram => "histogram", _ => "gauge" }, "");
                    isBegun = true;
                }

                for (var i = 0; i < _points.Count;)
                {
                    i = WriteEntity(writer, _points, i);
                    if (output.UnflushedBytes >= FlushBytes)
                        await output.FlushAsync(cancellationToken);
                }
            }
            while (goesOn);
        }

        writer.End();
        await output.FlushAsync(cancellationToken);
    }

    // Writes the buckets of a histogram before its sum and count, as OpenMetrics requires; returns where the next entity starts.
    private int WriteEntity(ExpositionWriter writer, List<Point> points, int start)
    {
        var labels = points[start].Labels;
        var end = start + 1;
        while (end < points.Count && ReferenceEquals(points[end].Labels, labels))
            end++;

        var text = new StringBuilder();
        foreach (var (name, value) in labels.Decode())
            ExpositionWriter.Label(text, name, value);
        var shared = text.ToString();
        var sharedUtf8 = Encoding.UTF8.GetBytes(shared);
        for (var i = start; i < end; i++)
        {
            if (points[i].Bucket is not { } bucket)
                continue;
            text.Clear().Append(shared);
            ExpositionWriter.Label(text, "le", bucket.Text);
            Write(writer, points[i], Encoding.UTF8.GetBytes(text.ToString()));
        }

        for (var i = start; i < end; i++)
        {
            if (points[i].Bucket is null)
                Write(writer, points[i], sharedUtf8);
        }

        return end;
    }

    private void Write(ExpositionWriter writer, in Point point, byte[] labels)
    {
        // OpenMetrics only allows exemplars on buckets and counters.
        if (point.Exemplar < 0 || (point.Bucket is null && point.Name.Type != MetricType.Counter))
        {
            writer.Sample(point.Name.Utf8, labels, point.Value);
            return;
        }

        var exemplar = _exemplars[point.Exemplar];
        writer.Sample(point.Name.Utf8, labels, point.Value, $"{traceIdLabelName}=\"{exemplar.TraceId}\"", exemplar.Value, exemplar.TimestampMs);
    }

    private readonly record struct Point(LabelSet Labels, MetricName Name, BucketBound? Bucket, double Value, int Exemplar);

    private readonly record struct Exemplar(string TraceId, double Value, long TimestampMs);
}
