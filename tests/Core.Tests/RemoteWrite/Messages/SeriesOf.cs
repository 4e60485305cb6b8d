using System.Text;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Tests.Prometheus;
using MetricType = OrleansTempo.Core.Generator.Samples.MetricType;
using V2 = OrleansTempo.Tests.Prometheus.V2;

namespace OrleansTempo.Core.Tests.RemoteWrite.Messages;

/// <summary>Makes series for tests and reads requests back.</summary>
internal static class SeriesOf
{
    public static readonly MetricName Calls = new("traces_spanmetrics_calls_total", MetricType.Counter);
    public static readonly MetricName Bucket = new("traces_spanmetrics_latency", MetricType.Histogram, "_bucket");
    public static readonly MetricName Latency = new("traces_spanmetrics_latency", MetricType.Histogram);
    public static readonly BucketBound Le = new(0.002);

    public static LabelSet Labels(params (string Name, string Value)[] labels) =>
        new(labels.Select(l => new KeyValuePair<byte[], byte[]>(Encoding.UTF8.GetBytes(l.Name), Encoding.UTF8.GetBytes(l.Value))));

    public static WriteRequest Parse(RemoteWriteRequest request) => Parse(request.Body.ToArray());

    public static WriteRequest Parse(byte[] body) => WriteRequest.Parser.ParseFrom(Snappier.Snappy.DecompressToArray(body));

    /// <summary><c>name{a="b",…} 1@1000 2@2000</c>, labels in the order they have on the wire.</summary>
    public static string Text(TimeSeries series) =>
        "{" + string.Join(",", series.Labels.Select(l => $"{l.Name}={l.Value}")) + "}"
        + string.Concat(series.Samples.Select(s => FormattableString.Invariant($" {s.Value}@{s.Timestamp}")))
        + string.Concat(series.Exemplars.Select(e => FormattableString.Invariant(
            $" # {{{string.Join(",", e.Labels.Select(l => $"{l.Name}={l.Value}"))}}} {e.Value}@{e.Timestamp}")))
        + string.Concat(series.Histograms.Select(h => " " + Text(h)));

    public static V2.Request ParseV2(RemoteWriteRequest request) => ParseV2(request.Body.ToArray());

    public static V2.Request ParseV2(byte[] body) => V2.Request.Parser.ParseFrom(Snappier.Snappy.DecompressToArray(body));

    /// <summary>As <see cref="Text(TimeSeries)"/>, with what 2.0 has besides: when a sample began (<c>2@2000 since 1000</c>), and type, help and unit.</summary>
    public static string Text(V2.Request request, V2.TimeSeries series) =>
        LabelsOf(request, series.LabelsRefs)
        + string.Concat(series.Samples.Select(s => FormattableString.Invariant($" {s.Value}@{s.Timestamp}") + Since(s.StartTimestamp)))
        + string.Concat(series.Histograms.Select(h => FormattableString.Invariant($" {h.CountInt}x{h.Sum}@{h.Timestamp}") + Since(h.StartTimestamp)))
        + string.Concat(series.Exemplars.Select(e => FormattableString.Invariant($" # {LabelsOf(request, e.LabelsRefs)} {e.Value}@{e.Timestamp}")))
        + $" {series.Metadata.Type}|{request.Symbols[(int)series.Metadata.HelpRef]}|{request.Symbols[(int)series.Metadata.UnitRef]}";

    private static string Text(Histogram histogram) => FormattableString.Invariant(
        $"{histogram.CountInt}/{histogram.Sum} schema {histogram.Schema} zero {histogram.ZeroCountInt} [")
        + string.Join(' ', histogram.PositiveSpans.Select(s => $"{s.Offset}:{s.Length}")) + "] [" + string.Join(' ', histogram.PositiveDeltas) + $"]@{histogram.Timestamp}";

    private static string Since(long startMs) => startMs == 0 ? "" : FormattableString.Invariant($" since {startMs}");

    private static string LabelsOf(V2.Request request, IReadOnlyList<uint> refs) =>
        "{" + string.Join(",", refs.Chunk(2).Select(r => $"{request.Symbols[(int)r[0]]}={request.Symbols[(int)r[1]]}")) + "}";
}
