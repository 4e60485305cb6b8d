using System.Collections;
using System.Collections.Concurrent;
using System.Reflection;

namespace OrleansTempo.Core.Configuration;

/// <summary>
/// Equality of options records by content: a record of its own compares lists and dictionaries by reference, and then every
/// reload of an unchanged file would look like a change. Runs when configuration changes, never per span.
/// </summary>
internal static class OptionsEquality
{
    private static readonly ConcurrentDictionary<Type, PropertyInfo[]> Properties = new();

    /// <summary>True where every public property is equal; lists in order, dictionaries in any order.</summary>
    public static bool Same<T>(T one, T? other)
        where T : class
    {
        if (other is null)
            return false;
        if (ReferenceEquals(one, other))
            return true;

        foreach (var property in PropertiesOf(typeof(T)))
        {
            if (!SameValue(property.GetValue(one), property.GetValue(other)))
                return false;
        }

        return true;
    }

    /// <summary>A hash that agrees with <see cref="Same"/>.</summary>
    public static int Hash<T>(T options)
        where T : class
    {
        var hash = new HashCode();
        foreach (var property in PropertiesOf(typeof(T)))
            hash.Add(HashOf(property.GetValue(options)));
        return hash.ToHashCode();
    }

    public static PropertyInfo[] PropertiesOf(Type type) =>
        Properties.GetOrAdd(type, static t => t.GetProperties(BindingFlags.Public | BindingFlags.Instance));

    private static bool SameValue(object? one, object? other)
    {
        if (one is null || other is null)
            return one is null && other is null;

        switch (one)
        {
            case string:
                return one.Equals(other);

            case IDictionary dictionary:
                if (other is not IDictionary otherDictionary || dictionary.Count != otherDictionary.Count)
                    return false;
                foreach (DictionaryEntry entry in dictionary)
                {
                    if (!otherDictionary.Contains(entry.Key) || !SameValue(entry.Value, otherDictionary[entry.Key]))
                        return false;
                }

                return true;

            case IEnumerable list:
                return other is IEnumerable otherList and not string
                    && list.Cast<object?>().SequenceEqual(otherList.Cast<object?>(), ValueComparer.Instance);

            default:
                return one.Equals(other);
        }
    }

    private static int HashOf(object? value)
    {
        var hash = new HashCode();
        switch (value)
        {
            case null:
                return 0;

            case string text:
                return text.GetHashCode();

            case IDictionary dictionary:
                var sum = 0;
                foreach (DictionaryEntry entry in dictionary)
                    sum += HashCode.Combine(entry.Key, HashOf(entry.Value));
                return sum;

            case IEnumerable list:
                foreach (var item in list)
                    hash.Add(HashOf(item));
                return hash.ToHashCode();

            default:
                return value.GetHashCode();
        }
    }

    private sealed class ValueComparer : IEqualityComparer<object?>
    {
        public static readonly ValueComparer Instance = new();

        public new bool Equals(object? x, object? y) => SameValue(x, y);

        public int GetHashCode(object? obj) => HashOf(obj);
    }
}
