using OrleansTempo.Server.Configuration.Reading;

namespace OrleansTempo.Server.Configuration.Yaml;

/// <summary>
/// Finds the variables whose value did not come through YAML as it is. They are put into the text before it is parsed, so that one may
/// hold a list; a password with <c> #</c> in it is cut there, one in quotes loses them, and nobody is told.
/// <code>
/// password: ${PASSWORD}      ─► password: abc #1      ─► "abc"
/// </code>
/// A value is fine where one scalar holds all of it, where it is a flow list or mapping, or where the variable begins a line,
/// and so brings YAML of its own.
/// </summary>
internal sealed class ExpansionCheck(EnvironmentExpansion source)
{
    // In the order of the text, which is that of the parser's events.
    private readonly List<(long Start, long End, string? Value)> _scalars = [];
    private readonly HashSet<(long Start, long End)> _collections = [];

    /// <summary>A scalar of the text; <paramref name="value"/> is null where YAML reads a null.</summary>
    public void AddScalar(long start, long end, string? value) => _scalars.Add((start, end, value));

    /// <summary>A flow list or mapping of the text.</summary>
    public void AddCollection(long start, long end) => _collections.Add((start, end));

    /// <summary>Warns of each variable whose value was changed.</summary>
    public void Report(Problems problems)
    {
        foreach (var variable in source.Variables)
        {
            if (!IsWhole(variable))
                problems.Warn(variable.Position, $"YAML does not take the value of ${{{variable.Name}}} as it is; {Advice(variable.Name)}");
        }
    }

    /// <summary>What to say of a place where the text is not valid YAML: the first variable before it that was not taken as it is; empty where there is none.</summary>
    public string AdviceBefore(long place) => source.Variables.FirstOrDefault(v => v.Start <= place && !IsWhole(v)) is { } variable
        ? $"; the value of ${{{variable.Name}}} on line {variable.Position.Line} is read as YAML: {Advice(variable.Name)}"
        : "";

    private static string Advice(string name) => $"write '${{{name}}}' in single quotes, and in the value two for each that it holds";

    private bool IsWhole(ExpandedVariable variable)
    {
        // What reads a variable from a file often leaves a line break at its end.
        var value = variable.Value.TrimEnd('\r', '\n');
        var scalar = ScalarBefore(variable.Start);
        if (value.Length == 0 || source.BeginsLine(variable.Position) || IsInComment(scalar.End, variable.Start))
            return true;
        if (variable.Start < scalar.End)
            return scalar.Value?.Contains(value, StringComparison.Ordinal) == true;

        var text = value.AsSpan();
        var start = variable.Start + (text.Length - text.TrimStart().Length);
        return _collections.Contains((start, start + text.Trim().Length));
    }

    // The last one that begins at or before a place.
    private (long Start, long End, string? Value) ScalarBefore(int place)
    {
        var (low, high) = (0, _scalars.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_scalars[middle].Start <= place)
                low = middle + 1;
            else
                high = middle;
        }

        return low == 0 ? default : _scalars[low - 1];
    }

    // Between scalars there are no quotes, so a # after a space begins a comment, which ends with its line.
    private bool IsInComment(long from, int place)
    {
        var text = source.Text;
        var i = text.LastIndexOf('\n', Math.Max(place - 1, 0), Math.Max(place - (int)from, 0)) is >= 0 and var line ? line : (int)from;
        for (; i < place; i++)
        {
            if (text[i] == '#' && (i == 0 || char.IsWhiteSpace(text[i - 1])))
                return true;
        }

        return false;
    }
}
