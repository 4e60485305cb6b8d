namespace OrleansTempo.Core.Configuration;

/// <summary>
/// What a configuration file may say for an option. The reader, the pages, what tenants set for themselves and the tests all go by the option's property: its name
/// in snake case is the key, its type the grammar, its initialiser the default, its place the place on the page.
/// </summary>
/// <remarks>A property without this attribute takes any value of its type that is not negative.</remarks>
[AttributeUsage(AttributeTargets.Property)]
public sealed class OptionAttribute : Attribute
{
    /// <summary>The longest that may be waited for: the timers of .NET end at 49 days.</summary>
    public const string LongestWait = "1000h";

    /// <summary>A hundred years: what is subtracted from now must be a time.</summary>
    public const string LongestRetention = "876000h";

    /// <summary>The key, where it is not the property's name; with dots where it stands in a block of its own.</summary>
    public string Key { get; init; } = "";

    /// <summary>The least whole number.</summary>
    public long Min { get; init; }

    /// <summary>The greatest whole number.</summary>
    public long Max { get; init; } = long.MaxValue;

    /// <summary>The shortest duration, as Go writes it; empty for 0.</summary>
    public string AtLeast { get; init; } = "";

    /// <summary>The longest duration, as Go writes it; empty for any.</summary>
    public string AtMost { get; init; } = "";

    /// <summary>Whether Tempo reads the duration with Prometheus' own parser.</summary>
    public bool IsPrometheus { get; init; }

    /// <summary>Whether an empty text or 0 means the default, as if it were not written.</summary>
    public bool EmptyIsDefault { get; init; }

    /// <summary>Whether the names of a map are the same in capitals.</summary>
    public bool IgnoreCase { get; init; }

    /// <summary>What is wrong with an empty text in a list; empty where nothing is.</summary>
    public string EmptyItem { get; init; } = "";

    /// <summary>Whether the value has a syntax of its own, which its section's reader knows.</summary>
    public bool IsSpecial { get; init; }
}

/// <summary>The words for an enum's member in a file: the first is shown, all are read. A member without has its name in snake case.</summary>
/// <param name="words">At least one.</param>
[AttributeUsage(AttributeTargets.Field)]
public sealed class WordsAttribute(params string[] words) : Attribute
{
    public IReadOnlyList<string> Words { get; } = words;
}

/// <summary>Marks an option whose value never leaves the process: <c>/status/config</c> and messages show <c>&lt;secret&gt;</c>.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SecretAttribute : Attribute;

/// <summary>Marks an override that a tenant may set for itself, by <c>/api/overrides</c>.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SetByTenantAttribute : Attribute
{
    /// <summary>Where it stands in the JSON, which is Tempo's order; those without a place come last.</summary>
    public int Place { get; init; } = int.MaxValue;

    /// <summary>How many items a list or a map may have.</summary>
    public int MaxItems { get; init; } = 50;

    /// <summary>The greatest number.</summary>
    public double MaxNumber { get; init; } = double.PositiveInfinity;
}

/// <summary>Marks an override that is the operator's alone.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SetByOperatorAttribute : Attribute;

/// <summary>Marks an override that <c>tempo_limits_defaults</c> and <c>tempo_limits_overrides</c> show.</summary>
/// <param name="name">Its <c>limit_name</c>, which is Tempo's.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class LimitMetricAttribute(string name) : Attribute
{
    public string Name { get; } = name;
}
