using System.Buffers;
using System.Globalization;
using System.Text;

namespace OrleansTempo.Server.Exposition;

/// <summary>Writes metric families as Prometheus text or OpenMetrics, line by line, into a buffer.</summary>
internal sealed class ExpositionWriter(IBufferWriter<byte> output, ExpositionFormat format)
{
    public bool IsOpenMetrics => format == ExpositionFormat.OpenMetrics;

    /// <summary>
    /// Writes the lines above a family's series. OpenMetrics names the family of a counter without <c>_total</c>. If the series of a counter
    /// does not end in <c>_total</c>, its type is <c>unknown</c> there, because dashboards rely on the name.
    /// </summary>
    public void Family(string name, string type, string help)
    {
        if (IsOpenMetrics && type == "counter")
        {
            if (name.EndsWith("_total", StringComparison.Ordinal))
                name = name[..^"_total".Length];
            else
                type = "unknown";
        }

        if (help.Length > 0)
        {
            Text("# HELP ");
            Text(name);
            Text(" ");
            Text(IsOpenMetrics ? EscapeLabelValue(help) : EscapeHelp(help));
            Text("\n");
        }

        Text("# TYPE ");
        Text(name);
        Text(IsOpenMetrics || type != "unknown" ? $" {type}\n" : " untyped\n");
    }

    /// <summary>Writes one series; <paramref name="labels"/> as joined by <see cref="Label"/>, without braces.</summary>
    public void Sample(ReadOnlySpan<byte> name, ReadOnlySpan<byte> labels, double value)
    {
        SampleStart(name, labels, value);
        output.Write("\n"u8);
    }

    /// <summary>Writes one series with an exemplar, which is left out if the format has none.</summary>
    public void Sample(ReadOnlySpan<byte> name, ReadOnlySpan<byte> labels, double value, string exemplarLabels, double exemplarValue, long exemplarTimestampMs)
    {
        SampleStart(name, labels, value);
        if (IsOpenMetrics)
        {
            Text(" # {");
            Text(exemplarLabels);
            Text("} ");
            Number(exemplarValue);
            Text(string.Create(CultureInfo.InvariantCulture, $" {exemplarTimestampMs / 1000}.{exemplarTimestampMs % 1000:D3}"));
        }

        output.Write("\n"u8);
    }

    /// <summary>Ends the page.</summary>
    public void End()
    {
        if (IsOpenMetrics)
            Text("# EOF\n");
    }

    /// <summary>Appends <c>name="value"</c>, escaped, and separated with a comma from what is before it.</summary>
    public static void Label(StringBuilder labels, string name, string value)
    {
        if (labels.Length > 0)
            labels.Append(',');
        labels.Append(name).Append("=\"").Append(EscapeLabelValue(value)).Append('"');
    }

    private void SampleStart(ReadOnlySpan<byte> name, ReadOnlySpan<byte> labels, double value)
    {
        output.Write(name);
        if (!labels.IsEmpty)
        {
            output.Write("{"u8);
            output.Write(labels);
            output.Write("}"u8);
        }

        output.Write(" "u8);
        Number(value);
    }

    private void Number(double value)
    {
        if (!double.IsFinite(value))
        {
            Text(double.IsNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
            return;
        }

        value.TryFormat(output.GetSpan(32), out var written, "R", CultureInfo.InvariantCulture);
        output.Advance(written);
    }

    private void Text(string text)
    {
        var span = output.GetSpan(Encoding.UTF8.GetMaxByteCount(text.Length));
        output.Advance(Encoding.UTF8.GetBytes(text, span));
    }

    private static string EscapeHelp(string text) => text.AsSpan().IndexOfAny('\\', '\n') < 0 ? text : text.Replace(@"\", @"\\").Replace("\n", @"\n");

    private static string EscapeLabelValue(string text) => text.AsSpan().IndexOfAny('\\', '"', '\n') < 0 ? text : text.Replace(@"\", @"\\").Replace("\"", "\\\"").Replace("\n", @"\n");
}
