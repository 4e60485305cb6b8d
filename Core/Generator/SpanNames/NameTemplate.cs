namespace OrleansTempo.Core.Generator.SpanNames;

/// <summary>
/// The template of similar names: their common tokens, with <c>&lt;_&gt;</c> where they differ. It can only become more general.
/// </summary>
internal sealed class NameTemplate(byte[][] tokens)
{
    /// <summary>The token that stands for the parts that differ. It is compared by reference, so no token of a name equals it.</summary>
    public static readonly byte[] Parameter = SpanNameTokenizer.Parameter.ToArray();

    public byte[][] Tokens { get; } = tokens;

    /// <summary>The concatenated tokens.</summary>
    public byte[] Text { get; private set; } = Join(tokens);

    /// <summary>When a name of this template was last seen, in steady milliseconds.</summary>
    public long LastSeenMs { get; set; }

    /// <summary>Whether any token is a parameter; if not, the template is the one name that it was made from.</summary>
    public bool HasParameters { get; private set; } = Array.Exists(tokens, IsParameter);

    public static bool IsParameter(byte[] token) => ReferenceEquals(token, Parameter);

    /// <summary>Turns these tokens into parameters.</summary>
    public void Generalize(ReadOnlySpan<int> tokens)
    {
        foreach (var token in tokens)
            Tokens[token] = Parameter;
        HasParameters = true;
        Text = Join(Tokens);
    }

    private static byte[] Join(byte[][] tokens)
    {
        var text = new byte[tokens.Sum(static t => t.Length)];
        var position = 0;
        foreach (var token in tokens)
        {
            token.CopyTo(text, position);
            position += token.Length;
        }

        return text;
    }
}
