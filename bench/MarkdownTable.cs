namespace OrleansTempo.Bench;

/// <summary>Formats tables for the console and README.md.</summary>
internal static class MarkdownTable
{
    public static string Header(IEnumerable<string> columns)
    {
        var names = columns.ToList();
        return $"{Row(names)}\n{Row(names.Select(_ => "---"))}";
    }

    public static string Row(IEnumerable<string> cells) => $"| {string.Join(" | ", cells)} |";
}
