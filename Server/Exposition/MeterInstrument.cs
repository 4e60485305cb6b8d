using System.Diagnostics.Metrics;
using System.Text;

namespace OrleansTempo.Server.Exposition;

/// <summary>What one instrument has measured, by its tags.</summary>
internal sealed class MeterInstrument
{
    // Prometheus' own defaults, for histograms whose maker gave no advice.
    private static readonly double[] s_defaultBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

    private readonly Lock _lock = new();
    private readonly Dictionary<int, Point> _points = [];
    private readonly Instrument _instrument;
    private readonly bool _adds;
    private readonly double[] _bounds;
    private readonly byte[] _nameUtf8;
    private long _round;

    /// <param name="instrument">The instrument.</param>
    /// <param name="name">Its name on the page.</param>
    /// <param name="isGauge">Its values go down too, whatever the instrument calls itself.</param>
    public MeterInstrument(Instrument instrument, string name, bool isGauge = false)
    {
        _instrument = instrument;
        Name = name;
        _nameUtf8 = Encoding.UTF8.GetBytes(name);
        Type = Kind(instrument) switch
        {
            "Counter" or "ObservableCounter" when !isGauge => "counter",
            "Histogram" => "histogram",
            _ => "gauge",
        };

        // An observable instrument reports totals, and a gauge its value; only these report what is to be added.
        _adds = Kind(instrument) is "Counter" or "UpDownCounter";
        _bounds = Type == "histogram" ? Bounds(instrument) : [];
    }

    public string Name { get; }

    /// <summary><c>counter</c>, <c>gauge</c> or <c>histogram</c>.</summary>
    public string Type { get; }

    public string Help => _instrument.Description ?? "";

    /// <summary>Called before observable instruments report: what they no longer report is gone.</summary>
    public void BeginRound()
    {
        lock (_lock)
            _round++;
    }

    public void Record(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        lock (_lock)
        {
            var point = Find(tags);
            point.Round = _round;
            if (Type == "histogram")
                point.Observe(value, _bounds);
            else
                point.Value = _adds ? point.Value + value : value;
        }
    }

    public void Write(ExpositionWriter writer)
    {
        lock (_lock)
        {
            var isFirst = true;
            foreach (var first in _points.Values)
            {
                for (var point = first; point is not null; point = point.Next)
                {
                    if (_instrument.IsObservable && point.Round != _round)
                        continue;
                    if (isFirst)
                        writer.Family(Name, Type, Help);
                    isFirst = false;
                    Write(writer, point);
                }
            }
        }
    }

    private void Write(ExpositionWriter writer, Point point)
    {
        if (Type != "histogram")
        {
            writer.Sample(_nameUtf8, point.LabelsUtf8, point.Value);
            return;
        }

        long cumulative = 0;
        for (var i = 0; i <= _bounds.Length; i++)
        {
            cumulative += point.Buckets![i];
            var labels = new StringBuilder(point.Labels);
            ExpositionWriter.Label(labels, "le", i < _bounds.Length ? Core.PlainDecimal.Format(_bounds[i]) : "+Inf");
            writer.Sample(Encoding.UTF8.GetBytes(Name + "_bucket"), Encoding.UTF8.GetBytes(labels.ToString()), cumulative);
        }

        writer.Sample(Encoding.UTF8.GetBytes(Name + "_sum"), point.LabelsUtf8, point.Value);
        writer.Sample(Encoding.UTF8.GetBytes(Name + "_count"), point.LabelsUtf8, cumulative);
    }

    // Tags are compared in full; the hash only finds the chain. Nothing is allocated for tags that are known.
    private Point Find(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var hash = new HashCode();
        foreach (var tag in tags)
        {
            hash.Add(tag.Key);
            hash.Add(tag.Value);
        }

        var code = hash.ToHashCode();
        _points.TryGetValue(code, out var first);
        for (var point = first; point is not null; point = point.Next)
        {
            if (point.Has(tags))
                return point;
        }

        return _points[code] = new Point(tags.ToArray(), _bounds.Length) { Next = first };
    }

    private static string Kind(Instrument instrument)
    {
        var name = instrument.GetType().Name;
        var tick = name.IndexOf('`');
        return tick < 0 ? name : name[..tick];
    }

    private static double[] Bounds(Instrument instrument) => instrument switch
    {
        Histogram<double> { Advice.HistogramBucketBoundaries: { } bounds } => [.. bounds],
        Histogram<long> { Advice.HistogramBucketBoundaries: { } bounds } => [.. bounds.Select(static b => (double)b)],
        Histogram<int> { Advice.HistogramBucketBoundaries: { } bounds } => [.. bounds.Select(static b => (double)b)],
        _ => s_defaultBounds,
    };

    private sealed class Point
    {
        private readonly KeyValuePair<string, object?>[] _tags;

        public Point(KeyValuePair<string, object?>[] tags, int bounds)
        {
            _tags = tags;
            var labels = new StringBuilder();
            foreach (var (name, value) in tags)
                ExpositionWriter.Label(labels, PrometheusNames.Sanitize(name), Convert.ToString(value, System.Globalization.CultureInfo.InvariantCulture) ?? "");
            Labels = labels.ToString();
            LabelsUtf8 = Encoding.UTF8.GetBytes(Labels);
            Buckets = bounds > 0 ? new long[bounds + 1] : null;
        }

        public string Labels { get; }

        public byte[] LabelsUtf8 { get; }

        /// <summary>A histogram's counts by bucket, not cumulative.</summary>
        public long[]? Buckets { get; }

        /// <summary>A histogram's sum, or the value of anything else.</summary>
        public double Value { get; set; }

        public long Round { get; set; }

        public Point? Next { get; init; }

        public void Observe(double value, double[] bounds)
        {
            var index = Array.BinarySearch(bounds, value);
            Buckets![index < 0 ? ~index : index]++;
            Value += value;
        }

        public bool Has(ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            if (tags.Length != _tags.Length)
                return false;
            for (var i = 0; i < tags.Length; i++)
            {
                if (tags[i].Key != _tags[i].Key || !Equals(tags[i].Value, _tags[i].Value))
                    return false;
            }

            return true;
        }
    }
}
