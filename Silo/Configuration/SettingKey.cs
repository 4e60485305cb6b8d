using System.Reflection;
using Microsoft.Extensions.Configuration;

namespace OrleansTempo.Silo.Configuration;

/// <summary>A key that is allowed in a section of the configuration.</summary>
internal sealed record SettingKey
{
    /// <summary>The keys below it, which can depend on the section's content; null for a value.</summary>
    public Func<IConfigurationSection, IReadOnlyDictionary<string, SettingKey>>? KeysIn { get; private init; }

    /// <summary>The description of a valid value, for error messages.</summary>
    public string Expected { get; private init; } = "a value";

    /// <summary>Whether a value is valid; always true if Orleans itself reports values that are not.</summary>
    public Func<string, bool> IsValid { get; private init; } = static _ => true;

    public static SettingKey Value { get; } = new();

    public static SettingKey Parsed(string expected, Func<string, bool> isValid) => new() { Expected = expected, IsValid = isValid };

    public static SettingKey Keys(IReadOnlyDictionary<string, SettingKey> keys) => Keys(_ => keys);

    public static SettingKey Keys(Func<IConfigurationSection, IReadOnlyDictionary<string, SettingKey>> keysIn) => new() { KeysIn = keysIn };

    /// <summary>The keys of one of our settings records: the properties that the configuration binder sets, including nested ones.</summary>
    public static SettingKey Of<T>() => Of(typeof(T));

    /// <summary>Keys of values that are read as they are.</summary>
    public static Dictionary<string, SettingKey> Values(params IEnumerable<string> names) =>
        names.ToDictionary(static name => name, static _ => Value, StringComparer.OrdinalIgnoreCase);

    private static SettingKey Of(Type type) => Keys(type
        .GetProperties(BindingFlags.Public | BindingFlags.Instance)
        .Where(static p => p.SetMethod is { IsPublic: true })
        .ToDictionary(
            static p => p.Name,
            static p => p.PropertyType.Assembly == typeof(SettingKey).Assembly ? Of(p.PropertyType) : Value,
            StringComparer.OrdinalIgnoreCase));
}
