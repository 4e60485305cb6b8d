using System.Reflection;
using OrleansTempo.Core.Configuration;

namespace OrleansTempo.Server.Configuration.Reading;

/// <summary>One option: a property, and what its attributes say of it.</summary>
internal sealed class DeclaredOption
{
    private static readonly OptionAttribute s_plain = new();

    public DeclaredOption(PropertyInfo property)
    {
        Property = property;
        Rules = property.GetCustomAttribute<OptionAttribute>() ?? s_plain;
        Key = Rules.Key.Length > 0 ? Rules.Key : OptionTable.SnakeCase(property.Name);
        Type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        Min = DurationOf(Rules.AtLeast);
        Max = DurationOf(Rules.AtMost);
        IsSecret = property.IsDefined(typeof(SecretAttribute));
        LimitMetric = property.GetCustomAttribute<LimitMetricAttribute>()?.Name;
        SetByTenant = property.GetCustomAttribute<SetByTenantAttribute>();
    }

    public PropertyInfo Property { get; }
    public OptionAttribute Rules { get; }

    /// <summary>Below the section's block; with dots where it stands in a block of its own.</summary>
    public string Key { get; }

    /// <summary>What it holds, be it null or not.</summary>
    public Type Type { get; }

    /// <summary>The shortest duration; null for 0.</summary>
    public TimeSpan? Min { get; }

    /// <summary>The longest duration; null for any.</summary>
    public TimeSpan? Max { get; }

    public bool IsSecret { get; }

    /// <summary>Null where only the operator sets it.</summary>
    public SetByTenantAttribute? SetByTenant { get; }

    /// <summary>What the metrics of limits call it; null where they do not show it.</summary>
    public string? LimitMetric { get; }

    private static TimeSpan? DurationOf(string text) =>
        text.Length == 0 ? null : GoDuration.TryParse(text, out var duration) ? duration : throw new FormatException($"'{text}' is not {GoDuration.Allowed}");
}
