namespace OrleansTempo.Core.Generator.SpanNames;

/// <summary>
/// What a cluster of names has in common: their tokens, with <c>&lt;_&gt;</c> where they differ. It only ever becomes more general.
/// </summary>
internal sealed class NameTemplate(byte[][] tokens)
{
    /// <summary>The token that stands for whatever differs, by reference: no name that is cut into tokens has it.</summary>
    public static readonly byte[] Parameter = SpanNameTokenizer.Parameter.ToArray();

    public byte[][] Tokens { get; } = tokens;

    /// <summary>The tokens, one after the other.</summary>
    public byte[] Text { get; private set; } = Join(tokens);

    /// <summary>Steady milliseconds.</summary>
    public long LastSeenMs { get; set; }

    /// <summary>Whether anything in it is a parameter; if not, it is the one name that it was made from.</summary>
    public bool HasParameters { get; private set; } = Array.Exists(tokens, IsParameter);

    public static bool IsParameter(byte[] token) => ReferenceEquals(token, Parameter);

    /// <summary>Makes these tokens parameters.</summary>
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
