using OrleansTempo.Core.Generator;

namespace OrleansTempo.Core.Tests.Generator;

/// <summary>A visitor that keeps what it is shown, by the series as Prometheus would print it, labels sorted.</summary>
internal sealed class Recorder : ISeriesVisitor
{
    private readonly Dictionary<string, Sample> _samples = [];

    public IReadOnlyDictionary<string, Sample> Samples => _samples;

    public IEnumerable<string> Series => _samples.Keys;

    /// <summary>The value of a series; fails where there is none.</summary>
    public double this[string series] =>
        _samples.TryGetValue(series, out var sample)
            ? sample.Value
            : throw new KeyNotFoundException($"no series {series} among\n{string.Join('\n', _samples.Keys.Order(StringComparer.Ordinal))}");

    public void Visit(in SeriesPoint point)
    {
        var labels = point.Labels.Decode().ToList();
        if (point.Bucket is { } bucket)
            labels.Add(new("le", bucket.Text));
        var text = labels.Count == 0
            ? point.Name.Name
            : point.Name.Name + "{" + string.Join(",", labels.OrderBy(l => l.Key, StringComparer.Ordinal).Select(l => $"{l.Key}=\"{Escape(l.Value)}\"")) + "}";
        var exemplar = point.ExemplarTraceId.IsEmpty ? null : Convert.ToHexStringLower(point.ExemplarTraceId);
        Assert.True(_samples.TryAdd(text, new Sample(point.Value, point.TimestampMs, point.ZeroTimestampMs, exemplar, point.ExemplarValue, point.IsStale)), $"{text} was visited twice");
    }

    private static string Escape(string value) => value.Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("\n", "\\n");

    public sealed record Sample(double Value, long TimestampMs, long ZeroTimestampMs, string? Exemplar, double ExemplarValue, bool IsStale);
}
