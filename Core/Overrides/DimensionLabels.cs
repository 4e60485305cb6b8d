namespace OrleansTempo.Core.Overrides;

/// <summary>The label names that span metrics' dimensions turn into, and whether two of them collide.</summary>
public static class DimensionLabels
{
    private static readonly string[] Intrinsic = ["service", "span_name", "span_kind", "status_code", "status_message"];

    /// <summary>An attribute's name as a label: what is not allowed becomes <c>_</c>, and <c>__</c> goes in front where it equals an intrinsic dimension.</summary>
    public static string Sanitize(string attribute)
    {
        var label = string.Create(attribute.Length, attribute, static (to, from) =>
        {
            for (var i = 0; i < from.Length; i++)
                to[i] = char.IsAsciiLetterOrDigit(from[i]) ? from[i] : '_';
        });
        return Intrinsic.Contains(label) ? "__" + label : label;
    }

    /// <summary>
    /// The first dimension mapping whose label another dimension already has, in a sentence; null where there is none. Two
    /// plain dimensions may sanitise alike (<c>deployment.environment</c>, <c>deployment_environment</c>): SDKs differ.
    /// </summary>
    public static string? Collision(SpanMetricsOptions options)
    {
        var sources = new Dictionary<string, string>();
        foreach (var dimension in options.Dimensions)
            sources[Sanitize(dimension)] = $"dimension '{dimension}'";

        foreach (var mapping in options.DimensionMappings)
        {
            var label = Sanitize(mapping.Name);
            if (sources.TryGetValue(label, out var source))
                return $"dimension mapping '{mapping.Name}' makes the label '{label}', which {source} makes already";
            sources[label] = $"dimension mapping '{mapping.Name}'";
        }

        return null;
    }

    /// <summary>Whether this is a label name that every Prometheus takes: <c>[a-zA-Z_][a-zA-Z0-9_]*</c>.</summary>
    public static bool IsLabelName(string name) =>
        name.Length > 0 && !char.IsAsciiDigit(name[0]) && name.All(static c => char.IsAsciiLetterOrDigit(c) || c == '_');
}
