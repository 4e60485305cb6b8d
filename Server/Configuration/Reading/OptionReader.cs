using OrleansTempo.Core.Configuration;
using OrleansTempo.Core.Configuration.Distributor;

namespace OrleansTempo.Server.Configuration.Reading;

/// <summary>
/// Reads the options of a section as their class declares them. What is left to the section's own reader: blocks and lists of blocks within it, options with a
/// syntax of their own, keys that Tempo has and we do not, and what must hold between options.
/// </summary>
internal static class OptionReader
{
    private const string EndpointAllowed = "host:port, such as 0.0.0.0:4317 or [::]:4317";

    /// <summary>The section's options; <paramref name="fallback"/> has what the file does not say.</summary>
    public static T Options<T>(this MappingReader block, T fallback)
        where T : class, new() => Read(fallback, option =>
    {
        // An unknown key is told all that are known, in their order.
        block.Know(option.Key.Split('.')[0]);
        return option.Rules.IsSpecial || option.Key.Contains('.') ? null : Read(option, block, option.Key, option.Property.GetValue(fallback));
    });

    /// <summary>As <see cref="Options{T}"/>, where an option may stand in several places.</summary>
    public static T Options<T>(T fallback, Func<DeclaredOption, Places> places)
        where T : class, new() => Read(fallback, option => places(option).Read((block, key) => Read(option, block, key, null)));

    private static T Read<T>(T fallback, Func<DeclaredOption, object?> read)
        where T : class, new()
    {
        var result = new T();
        foreach (var option in OptionTable.Of(typeof(T)))
            option.Property.SetValue(result, read(option) ?? option.Property.GetValue(fallback));
        return result;
    }

    // Null where the key is not there, or is left to the section's reader.
    private static object? Read(DeclaredOption option, MappingReader block, string key, object? fallback)
    {
        var (rules, type) = (option.Rules, option.Type);
        if (type == typeof(bool))
            return block.OptionalBool(key);
        if (type == typeof(int))
            return Unless(0, (int?)block.OptionalLong(key, rules.Min, Math.Min(rules.Max, int.MaxValue)), rules);
        if (type == typeof(long))
            return block.OptionalLong(key, rules.Min, rules.Max);
        if (type == typeof(ulong))
            return (ulong?)block.OptionalLong(key, rules.Min, rules.Max);
        if (type == typeof(TimeSpan) && rules.EmptyIsDefault)
            return block.DurationOrZero(key, (TimeSpan)fallback!, option.Min, option.Max);
        if (type == typeof(TimeSpan))
            return rules.IsPrometheus ? block.OptionalPrometheusDuration(key, option.Min, option.Max) : block.OptionalDuration(key, option.Min, option.Max);
        if (type == typeof(string))
            return Unless("", block.OptionalString(key), rules);
        if (type.IsEnum)
            return block.Choice<object?>(key, null, OptionTable.WordsOf(type)!);
        if (type == typeof(IReadOnlyList<string>))
            return block.Strings(key, item => item.Length == 0 && rules.EmptyItem.Length > 0 ? rules.EmptyItem : null);
        if (type == typeof(IReadOnlyList<double>))
            return block.Buckets(key);
        if (type == typeof(IReadOnlyDictionary<string, string>))
            return block.Map(key, rules.IgnoreCase ? StringComparer.OrdinalIgnoreCase : null);
        if (type == typeof(ListenEndpoint))
            return block.OptionalValue<ListenEndpoint>(key, EndpointAllowed, static text => ListenEndpoint.TryParse(text, out var endpoint) ? endpoint : null);
        return null;
    }

    private static object? Unless(object empty, object? value, OptionAttribute rules) => rules.EmptyIsDefault && empty.Equals(value) ? null : value;
}
