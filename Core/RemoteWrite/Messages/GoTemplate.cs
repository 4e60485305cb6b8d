using System.Text;
using System.Text.RegularExpressions;

namespace OrleansTempo.Core.RemoteWrite.Messages;

/// <summary>
/// Expands a replacement as Go's <c>regexp</c> does: <c>$1</c>, <c>${1}</c>, <c>$name</c>, <c>${name}</c>, and <c>$$</c> for a
/// dollar sign. Without braces the name is as long as possible, so <c>$1x</c> is <c>${1x}</c>. A name of no group expands to
/// nothing, and a dollar sign that starts none of these stays.
/// </summary>
internal sealed class GoTemplate
{
    // A literal, or if that is null, the number of a group.
    private readonly List<(string? Literal, int Group)> _pieces = [];

    public GoTemplate(string template, Re2 regex)
    {
        var literal = new StringBuilder();
        for (var i = 0; i < template.Length;)
        {
            if (template[i] != '$')
            {
                literal.Append(template[i++]);
            }
            else if (i + 1 < template.Length && template[i + 1] == '$')
            {
                literal.Append('$');
                i += 2;
            }
            else if (TryReadName(template, i, out var name, out var length))
            {
                HasVariables = true;
                if (literal.Length > 0)
                    _pieces.Add((literal.ToString(), 0));
                literal.Clear();
                if (regex.GroupNumber(name) is { } group)
                    _pieces.Add((null, group));
                i += length;
            }
            else
            {
                literal.Append(template[i++]);
            }
        }

        if (literal.Length > 0)
            _pieces.Add((literal.ToString(), 0));
    }

    /// <summary>Whether the result depends on the match.</summary>
    public bool HasVariables { get; }

    public string Expand(Match match)
    {
        if (_pieces.Count == 1)
            return Piece(_pieces[0], match);

        var text = new StringBuilder();
        foreach (var piece in _pieces)
            text.Append(Piece(piece, match));
        return text.ToString();
    }

    private static string Piece((string? Literal, int Group) piece, Match match) => piece.Literal ?? match.Groups[piece.Group].Value;

    private static bool TryReadName(string template, int dollar, out string name, out int length)
    {
        var braced = dollar + 1 < template.Length && template[dollar + 1] == '{';
        var start = dollar + (braced ? 2 : 1);
        var end = start;
        while (end < template.Length && (char.IsLetterOrDigit(template[end]) || template[end] == '_'))
            end++;

        name = template[start..end];
        length = end - dollar + (braced ? 1 : 0);
        return name.Length > 0 && (!braced || (end < template.Length && template[end] == '}'));
    }
}
