using System.Globalization;
using System.Text;

namespace OrleansTempo.Harness.Traces;

/// <summary>
/// Series and their values, each keyed by its name and labels (sorted) in Prometheus' text form:
/// <c>traces_spanmetrics_calls_total{service="cart",span_kind="SPAN_KIND_SERVER"}</c>.
/// </summary>
internal sealed class SeriesValues : SortedDictionary<string, double>
{
    // Sums of latencies are added up in another order here than where the expectation was recorded.
    private const double Tolerance = 1e-9;

    public SeriesValues() : base(StringComparer.Ordinal)
    {
    }

    /// <summary>Reads Prometheus or OpenMetrics text; comments, timestamps and exemplars are left out.</summary>
    public static SeriesValues Parse(string text)
    {
        var values = new SeriesValues();
        foreach (var line in text.Split('\n'))
        {
            if (line.Length == 0 || line[0] == '#')
                continue;
            var position = line.AsSpan().IndexOfAny('{', ' ');
            var labels = new List<KeyValuePair<string, string>> { new("__name__", line[..position]) };
            if (line[position] == '{')
                position = ParseLabels(line, position + 1, labels);
            var value = line.AsSpan(position).TrimStart();
            var end = value.IndexOf(' ');
            values.Add(labels, ParseValue(end < 0 ? value : value[..end]));
        }

        return values;
    }

    public static string Key(IEnumerable<KeyValuePair<string, string>> labels)
    {
        var name = "";
        var sorted = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in labels)
        {
            if (key == "__name__")
                name = value;
            else
                sorted.Add(key, value);
        }

        return $"{name}{{{string.Join(',', sorted.Select(label => $"{label.Key}=\"{Escape(label.Value)}\""))}}}";
    }

    public void Add(IEnumerable<KeyValuePair<string, string>> labels, double value) => Add(Key(labels), value);

    /// <summary>The series that have this label with this value, without the label.</summary>
    public SeriesValues Without(string label, string value)
    {
        var pair = $"{label}=\"{Escape(value)}\"";
        var rest = new SeriesValues();
        foreach (var (key, number) in this)
        {
            var at = key.IndexOf(pair, StringComparison.Ordinal);
            if (at < 1 || key[at - 1] is not ('{' or ','))
                continue;
            var shorter = key.Remove(at, pair.Length);
            rest.Add(shorter.Replace("{,", "{").Replace(",,", ",").Replace(",}", "}"), number);
        }

        return rest;
    }

    public SeriesValues Where(Func<string, bool> keep)
    {
        var kept = new SeriesValues();
        foreach (var (key, value) in this)
        {
            if (keep(key))
                kept.Add(key, value);
        }

        return kept;
    }

    /// <summary>The sum of all series of one metric.</summary>
    public double Sum(string metric) => this.Where(series => series.Key.StartsWith(metric + "{", StringComparison.Ordinal)).Sum(series => series.Value);

    /// <summary>What is missing here, too much, or has another value than in <paramref name="expected"/>; empty where nothing is.</summary>
    public string DifferenceFrom(SeriesValues expected)
    {
        var difference = new StringBuilder();
        foreach (var (key, value) in expected)
        {
            if (!TryGetValue(key, out var actual))
                difference.AppendLine(CultureInfo.InvariantCulture, $"missing: {key} {value}");
            else if (Math.Abs(actual - value) > Tolerance)
                difference.AppendLine(CultureInfo.InvariantCulture, $"is {actual}: {key} {value}");
        }

        foreach (var (key, value) in this)
        {
            if (!expected.ContainsKey(key))
                difference.AppendLine(CultureInfo.InvariantCulture, $"too much: {key} {value}");
        }

        return difference.ToString();
    }

    public override string ToString() => string.Join('\n', this.Select(series => string.Create(CultureInfo.InvariantCulture, $"{series.Key} {series.Value}")));

    private static int ParseLabels(string line, int position, List<KeyValuePair<string, string>> labels)
    {
        while (line[position] != '}')
        {
            var equals = line.IndexOf('=', position);
            var name = line[position..equals];
            var value = new StringBuilder();
            for (position = equals + 2; line[position] != '"'; position++)
            {
                if (line[position] != '\\')
                {
                    value.Append(line[position]);
                    continue;
                }

                position++;
                value.Append(line[position] == 'n' ? '\n' : line[position]);
            }

            labels.Add(new(name, value.ToString()));
            position++;
            if (line[position] == ',')
                position++;
        }

        return position + 1;
    }

    private static double ParseValue(ReadOnlySpan<char> text) => text switch
    {
        "+Inf" => double.PositiveInfinity,
        "-Inf" => double.NegativeInfinity,
        _ => double.Parse(text, CultureInfo.InvariantCulture),
    };

    private static string Escape(string value) => value.Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("\n", "\\n");
}
