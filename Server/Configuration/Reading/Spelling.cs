namespace OrleansTempo.Server.Configuration.Reading;

/// <summary>What somebody may have meant, and how a value is quoted in a message.</summary>
public static class Spelling
{
    private const int MaxQuoted = 40;

    /// <summary>The value in quotes, cut short, and on one line: control characters are <c>\n</c> or <c>\u0007</c>.</summary>
    public static string Quote(string value)
    {
        var text = value.Length <= MaxQuoted ? value : $"{value.AsSpan(0, MaxQuoted)}…";
        return text.Any(char.IsControl)
            ? $"'{string.Concat(text.Select(static c => !char.IsControl(c) ? c.ToString() : c == '\n' ? "\\n" : $"\\u{(int)c:x4}"))}'"
            : $"'{text}'";
    }

    /// <summary>The end of a message about a word that is not known: the closest that is, and all there are.</summary>
    public static string Suggest(string word, IReadOnlyCollection<string> known)
    {
        var all = string.Join(", ", known);
        return Nearest(word, known) is { } nearest ? $"; did you mean '{nearest}'? Allowed: {all}" : $"; allowed: {all}";
    }

    /// <summary>The known word that differs in so few letters that it may have been meant; null where none does.</summary>
    public static string? Nearest(string word, IEnumerable<string> known) => known
        .Select(candidate => (Candidate: candidate, Distance: Distance(word, candidate)))
        .Where(c => c.Distance <= Math.Max(1, word.Length / 3))
        .OrderBy(c => c.Distance)
        .Select(c => c.Candidate)
        .FirstOrDefault();

    private static int Distance(string a, string b)
    {
        var previous = new int[b.Length + 1];
        var current = new int[b.Length + 1];
        for (var j = 0; j <= b.Length; j++)
            previous[j] = j;

        for (var i = 1; i <= a.Length; i++)
        {
            current[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var change = previous[j - 1] + (char.ToLowerInvariant(a[i - 1]) == char.ToLowerInvariant(b[j - 1]) ? 0 : 1);
                current[j] = Math.Min(change, 1 + Math.Min(previous[j], current[j - 1]));
            }

            (previous, current) = (current, previous);
        }

        return previous[b.Length];
    }
}
