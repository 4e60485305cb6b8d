using System.Reflection;
using Microsoft.Extensions.Configuration;

namespace OrleansTempo.Silo.Configuration;

/// <summary>A key that a section of the configuration may have.</summary>
internal sealed record SettingKey
{
    /// <summary>The keys below it, which can depend on what is there; null for a value.</summary>
    public Func<IConfigurationSection, IReadOnlyDictionary<string, SettingKey>>? KeysIn { get; private init; }

    /// <summary>What a value has to be, for people.</summary>
    public string Expected { get; private init; } = "a value";

    /// <summary>Whether a value can be read; where Orleans itself complains of one that cannot, all can.</summary>
    public Func<string, bool> IsValid { get; private init; } = static _ => true;

    public static SettingKey Value { get; } = new();

    public static SettingKey Parsed(string expected, Func<string, bool> isValid) => new() { Expected = expected, IsValid = isValid };

    public static SettingKey Keys(IReadOnlyDictionary<string, SettingKey> keys) => Keys(_ => keys);

    public static SettingKey Keys(Func<IConfigurationSection, IReadOnlyDictionary<string, SettingKey>> keysIn) => new() { KeysIn = keysIn };

    /// <summary>The properties that the configuration's binder sets: of one of our records, and of those in it.</summary>
    public static SettingKey Of<T>() => Of(typeof(T));

    /// <summary>Keys that are read as they are.</summary>
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
