namespace OrleansTempo.Core.Configuration.Generator;

/// <summary>What is wrong with dimensions and the labels they turn into.</summary>
public static class DimensionLabels
{
    /// <summary>What is wrong with a dimension without a name, in a sentence.</summary>
    public const string Empty = "is empty; a dimension is the name of an attribute";

    /// <summary>What is wrong with a dimension by itself, in a sentence; null where nothing is.</summary>
    public static string? Problem(string dimension) => dimension.Length == 0 ? Empty : null;

    /// <summary>
    /// The first dimension mapping whose label another dimension already has, in a sentence; null where there is none. Two
    /// plain dimensions may sanitise alike (<c>deployment.environment</c>, <c>deployment_environment</c>): SDKs differ.
    /// </summary>
    public static string? Collision(SpanMetricsOptions options)
    {
        var sources = new Dictionary<string, string>();
        foreach (var dimension in options.Dimensions)
            sources[LabelName.Sanitize(dimension, LabelName.Intrinsic)] = $"dimension '{dimension}'";

        foreach (var mapping in options.DimensionMappings)
        {
            var label = LabelName.Sanitize(mapping.Name, LabelName.Intrinsic);
            if (LabelName.IsReserved(label))
                continue;
            if (sources.TryGetValue(label, out var source))
                return $"dimension mapping '{mapping.Name}' makes the label '{label}', which {source} makes already";
            sources[label] = $"dimension mapping '{mapping.Name}'";
        }

        return null;
    }
}
