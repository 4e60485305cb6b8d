using System.Collections.Concurrent;
using System.Reflection;
using System.Text;
using Microsoft.Extensions.Logging;
using OrleansTempo.Core.Configuration;

namespace OrleansTempo.Server.Configuration.Reading;

/// <summary>
/// The options that a class of options declares, in its order: the one list that the reader of files, the pages and what tenants set for themselves go by.
/// Made from the properties and their attributes when first asked for.
/// </summary>
internal static class OptionTable
{
    private static readonly ConcurrentDictionary<Type, DeclaredOption[]> s_tables = new();
    private static readonly ConcurrentDictionary<Type, (string Word, object Value)[]> s_words = new([new(typeof(LogLevel),
    [
        ("debug", LogLevel.Debug), ("info", LogLevel.Information), ("warn", LogLevel.Warning), ("error", LogLevel.Error),
    ])]);

    public static IReadOnlyList<DeclaredOption> Of(Type options) => s_tables.GetOrAdd(
        options,
        static type => [.. type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(static p => p.CanWrite).Select(static p => new DeclaredOption(p))]);

    /// <summary>What an enum's values are called in a file; where one has several words, the first is the one that is shown.</summary>
    public static IReadOnlyList<(string Word, object Value)> WordsOf(Type words) => s_words.GetOrAdd(
        words,
        static type => [.. type.GetFields(BindingFlags.Public | BindingFlags.Static).SelectMany(static field => WordsOf(field).Select(word => (word, field.GetValue(null)!)))]);

    /// <summary>The word that is shown for an enum's value.</summary>
    public static string WordOf(Enum value) => WordsOf(value.GetType()).First(word => word.Value.Equals(value)).Word;

    /// <summary><c>RetryOnHttp429</c> as <c>retry_on_http_429</c>.</summary>
    public static string SnakeCase(string name)
    {
        var result = new StringBuilder(name.Length + 8);
        for (var i = 0; i < name.Length; i++)
        {
            var begins = char.IsUpper(name[i]) || (char.IsDigit(name[i]) && !char.IsDigit(name[i - 1]));
            if (begins && i > 0)
                result.Append('_');
            result.Append(char.ToLowerInvariant(name[i]));
        }

        return result.ToString();
    }

    private static IReadOnlyList<string> WordsOf(FieldInfo field) => field.GetCustomAttribute<WordsAttribute>()?.Words ?? [SnakeCase(field.Name)];
}
