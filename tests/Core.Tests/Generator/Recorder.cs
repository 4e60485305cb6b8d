using System.Globalization;
using System.Text;
using OrleansTempo.Core.Generator.NativeHistograms;
using OrleansTempo.Core.Generator.Samples;

namespace OrleansTempo.Core.Tests.Generator;

/// <summary>A visitor that records what it visits, by the series as Prometheus would print it, with sorted labels.</summary>
internal sealed class Recorder : ISeriesVisitor
{
    private readonly Dictionary<string, Sample> _samples = [];

    public IReadOnlyDictionary<string, Sample> Samples => _samples;

    public IEnumerable<string> Series => _samples.Keys;

    /// <summary>The value of a series; fails if there is none.</summary>
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
        var native = point.IsNative ? Text(point.Native) : null;
        var sample = new Sample(point.Value, point.TimestampMs, point.ZeroTimestampMs, exemplar, point.ExemplarValue, point.IsStale)
        {
            Native = native,
            NativeExemplars = string.Join(' ', point.Native.Exemplars.ToArray().Select(e => FormattableString.Invariant($"{e.TraceId:x32}={e.Value}@{e.TimestampMs}"))),
        };
        Assert.True(_samples.TryAdd(text, sample), $"{text} was visited twice");
    }

    private static string Escape(string value) => value.Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("\n", "\\n");

    // Bucket by bucket, without empty ones, as a receiver reads the runs and differences.
    private static string Text(in NativeHistogramPoint histogram)
    {
        Assert.Equal(NativeBuckets.ZeroThreshold, histogram.ZeroThreshold);
        var text = new StringBuilder($"schema {histogram.Schema}, count {histogram.Count}, zero {histogram.ZeroCount}:");
        var next = 0;
        var count = 0L;
        var total = histogram.ZeroCount;
        var delta = 0;
        foreach (var span in histogram.PositiveSpans)
        {
            next += span.Offset;
            for (var i = 0; i < span.Length; i++)
            {
                count += histogram.PositiveDeltas[delta++];
                total += (ulong)count;
                if (count != 0)
                    text.Append(CultureInfo.InvariantCulture, $" {next}={count}");
                next++;
            }
        }

        Assert.Equal(histogram.PositiveDeltas.Length, delta);
        Assert.Equal(histogram.Count, total);
        return text.ToString();
    }

    public sealed record Sample(double Value, long TimestampMs, long ZeroTimestampMs, string? Exemplar, double ExemplarValue, bool IsStale)
    {
        /// <summary>A native histogram bucket by bucket, such as <c>schema 3, count 3, zero 1: -29=1 33=1</c>; null for other series.</summary>
        public string? Native { get; init; }

        /// <summary>The exemplars of a native histogram, such as <c>00…01=0.25@1780000000000</c>, in their order.</summary>
        public string NativeExemplars { get; init; } = "";
    }
}
