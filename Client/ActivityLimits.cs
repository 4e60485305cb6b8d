using System.Globalization;

namespace OrleansTempo.Client;

/// <summary>How much of a span is sent: OpenTelemetry's span limits, read from the variables that its specification names.</summary>
internal sealed record ActivityLimits
{
    private const int DefaultCount = 128;

    /// <summary>In characters, of strings and those within arrays.</summary>
    public int AttributeValueLength { get; init; } = int.MaxValue;

    public int Attributes { get; init; } = DefaultCount;

    public int Events { get; init; } = DefaultCount;

    public int Links { get; init; } = DefaultCount;

    public int EventAttributes { get; init; } = DefaultCount;

    public int LinkAttributes { get; init; } = DefaultCount;

    /// <summary>A value that is no number is as if it were not there, as OpenTelemetry's own SDK has it.</summary>
    public static ActivityLimits Read(Func<string, string?> setting)
    {
        var attributes = Number("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT") ?? Number("OTEL_ATTRIBUTE_COUNT_LIMIT") ?? DefaultCount;
        return new ActivityLimits
        {
            AttributeValueLength = Number("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT") ?? Number("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT") ?? int.MaxValue,
            Attributes = attributes,
            Events = Number("OTEL_SPAN_EVENT_COUNT_LIMIT") ?? DefaultCount,
            Links = Number("OTEL_SPAN_LINK_COUNT_LIMIT") ?? DefaultCount,
            EventAttributes = Number("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT") ?? attributes,
            LinkAttributes = Number("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT") ?? attributes,
        };

        int? Number(string name) => int.TryParse(setting(name), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;
    }
}
