namespace OrleansTempo.Core.Configuration.Overrides;

/// <summary><c>span_name_sanitization</c>: whether span names that differ only in their data become one label value.</summary>
public enum SpanNameSanitization
{
    /// <summary>Written as an empty string.</summary>
    Off,

    /// <summary>Labels stay; how many label sets there would be is estimated.</summary>
    DryRun,

    Enabled,
}
