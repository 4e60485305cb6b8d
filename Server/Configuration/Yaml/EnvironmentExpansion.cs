using System.Text;
using OrleansTempo.Server.Configuration.Reading;

namespace OrleansTempo.Server.Configuration.Yaml;

/// <summary>
/// A configuration file's text with <c>${VAR}</c>, <c>${VAR:-default}</c> (also <c>:=</c>, <c>=</c>, <c>-</c> and a bare <c>:</c>) put in from
/// the environment, as Tempo does with <c>-config.expand-env</c>; <c>$${</c> stands for a plain <c>${</c>. It happens on the text, so a
/// variable may hold a list or a number; every place in the result is still known by where it came from in the file.
/// </summary>
/// <remarks>
/// Left alone: <c>$VAR</c> and <c>$1</c> without braces and <c>${1}</c>, which relabelling uses, and comment lines.
/// </remarks>
internal sealed class EnvironmentExpansion
{
    private const int MaxDepth = 8;

    private readonly string _source;
    private readonly List<int> _lineStarts = [0];
    private int _lastLine;

    // Where a stretch of the result begins, where it comes from, and whether it is copied or stands for one ${...}.
    private readonly List<(int Result, int Source, bool Copied)> _stretches = [];
    private readonly List<ExpandedVariable> _variables = [];

    private EnvironmentExpansion(string source)
    {
        _source = source;
        for (var i = 0; i < source.Length; i++)
        {
            if (source[i] == '\n')
                _lineStarts.Add(i + 1);
        }
    }

    public string Text { get; private set; } = "";

    /// <summary>What the environment has put into <see cref="Text"/>, in order; defaults are the file's own text and not among it.</summary>
    public IReadOnlyList<ExpandedVariable> Variables => _variables;

    public static EnvironmentExpansion Expand(string source, IReadOnlyDictionary<string, string> environment, Problems problems)
    {
        var expansion = new EnvironmentExpansion(source);
        expansion.Run(environment, problems);
        return expansion;
    }

    /// <summary>The place in the file for a place in <see cref="Text"/>.</summary>
    public SourcePosition Locate(long index)
    {
        var low = 0;
        var high = _stretches.Count - 1;
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (_stretches[middle].Result <= index)
                low = middle;
            else
                high = middle - 1;
        }

        var stretch = _stretches[low];
        return InSource(stretch.Copied ? stretch.Source + (int)(index - stretch.Result) : stretch.Source);
    }

    /// <summary>Whether the environment has put in any of a stretch of <see cref="Text"/>, which then is perhaps a secret.</summary>
    public bool IsFromVariable(long start, long end) => _variables.Any(v => v.Start < end && start < v.Start + v.Value.Length);

    /// <summary>Whether nothing but spaces stands before the place on its line of the file.</summary>
    public bool BeginsLine(SourcePosition position)
    {
        var line = _lineStarts[position.Line - 1];
        return _source.AsSpan(line, position.Column - 1).IsWhiteSpace();
    }

    private SourcePosition InSource(int offset)
    {
        // Places are mostly asked for in the file's order, so it is the line of the last one or the next.
        var line = _lastLine;
        if (offset >= _lineStarts[line] && line + 1 < _lineStarts.Count && offset >= _lineStarts[line + 1])
            line++;
        if (offset < _lineStarts[line] || (line + 1 < _lineStarts.Count && offset >= _lineStarts[line + 1]))
            line = _lineStarts.BinarySearch(offset) is var found && found < 0 ? ~found - 1 : found;
        _lastLine = line;
        return new SourcePosition(line + 1, offset - _lineStarts[line] + 1);
    }

    private void Run(IReadOnlyDictionary<string, string> environment, Problems problems)
    {
        _stretches.Add((0, 0, true));
        if (!_source.Contains("${", StringComparison.Ordinal))
        {
            Text = _source;
            return;
        }

        var result = new StringBuilder(_source.Length);
        var i = 0;
        while (i < _source.Length)
        {
            if ((i == 0 || _source[i - 1] == '\n') && IsCommentLine(i))
            {
                var end = _source.IndexOf('\n', i);
                end = end < 0 ? _source.Length : end;
                result.Append(_source, i, end - i);
                i = end;
                if (i == _source.Length)
                    break;
            }

            if (string.CompareOrdinal(_source, i, "$${", 0, 3) == 0)
            {
                result.Append("${");
                i += 3;
                _stretches.Add((result.Length, i, true));
            }
            else if (StartsVariable(_source, i))
            {
                var start = i;
                _stretches.Add((result.Length, start, false));
                if (!TryVariable(ref i, environment, result, out var complaint, 0))
                {
                    problems.Error(InSource(start), complaint);
                    i = start + 2;
                }
                else if (complaint.Length > 0)
                {
                    problems.Warn(InSource(start), complaint);
                }

                _stretches.Add((result.Length, i, true));
            }
            else
            {
                result.Append(_source[i++]);
            }
        }

        Text = result.ToString();
    }

    private bool IsCommentLine(int lineStart)
    {
        var i = lineStart;
        while (i < _source.Length && _source[i] is ' ' or '\t')
            i++;
        return i < _source.Length && _source[i] == '#';
    }

    private static bool StartsVariable(string text, int i) =>
        text[i] == '$' && i + 2 < text.Length && text[i + 1] == '{' && (char.IsAsciiLetter(text[i + 2]) || text[i + 2] == '_');

    // On success i is behind the closing brace, and the result has the value; a default may hold variables in turn.
    private bool TryVariable(ref int i, IReadOnlyDictionary<string, string> environment, StringBuilder result, out string complaint, int depth)
    {
        var (text, begin) = (_source, i);
        complaint = "";
        var at = i + 2;
        while (at < text.Length && (char.IsAsciiLetterOrDigit(text[at]) || text[at] == '_'))
            at++;
        var name = text[(i + 2)..at];

        var rest = text.AsSpan(at);
        var skip = rest.StartsWith(":-") || rest.StartsWith(":=") ? 2
            : rest.StartsWith("-") || rest.StartsWith("=") || rest.StartsWith(":") ? 1
            : 0;
        if (skip == 0 && !rest.StartsWith("}"))
        {
            complaint = rest.IsEmpty || rest[0] is '\r' or '\n'
                ? $"${{{name} is not closed with a brace"
                : $"${{{name}{rest[0]}...}} is not supported; allowed are ${{{name}}} and ${{{name}:-default}}";
            return false;
        }

        if (depth == MaxDepth)
        {
            complaint = $"${{{name}...}} is nested too deep; at most {MaxDepth} levels are allowed";
            return false;
        }

        var (length, variables) = (result.Length, _variables.Count);
        at += skip;
        while (at < text.Length && text[at] is not ('}' or '\n'))
        {
            if (!StartsVariable(text, at))
            {
                result.Append(text[at++]);
            }
            else if (!TryVariable(ref at, environment, result, out complaint, depth + 1))
            {
                TakeBack(result, length, variables);
                return false;
            }
        }

        if (at == text.Length || text[at] != '}')
        {
            TakeBack(result, length, variables);
            complaint = $"${{{name} is not closed with a brace on its line";
            return false;
        }

        i = at + 1;
        if (environment.TryGetValue(name, out var found) && (found.Length > 0 || skip == 0))
        {
            TakeBack(result, length, variables);
            _variables.Add(new ExpandedVariable(name, found, length, InSource(begin)));
            result.Append(found);
            complaint = "";
        }
        else if (skip == 0)
        {
            complaint = $"the environment variable {name} is not set and ${{{name}}} has no default, so it is empty here";
        }

        return true;
    }

    // A default that turned out not to be wanted.
    private void TakeBack(StringBuilder result, int length, int variables)
    {
        result.Length = length;
        _variables.RemoveRange(variables, _variables.Count - variables);
    }
}

/// <summary>A variable's value where the environment has put it into a file's text.</summary>
/// <param name="Name">The variable.</param>
/// <param name="Value">What it holds; perhaps a secret.</param>
/// <param name="Start">Where the value begins in the expanded text.</param>
/// <param name="Position">Where the variable stands in the file.</param>
internal sealed record ExpandedVariable(string Name, string Value, int Start, SourcePosition Position);
