namespace OrleansTempo.Core.TraceQL.Syntax;

/// <summary>The tokens of a query, of which parsers see the current one; and how deep they are in it.</summary>
internal sealed class TokenReader
{
    /// <summary>Deeper trees are refused, so that no text exhausts the stack where a query is walked.</summary>
    public const int MaxDepth = 128;

    /// <summary>More stages, one after another, are refused; nobody writes them, and each costs what it does to all sets of spans.</summary>
    public const int MaxStages = 128;

    // Of the parser's own recursion, which is up to three levels for each of the tree: so that any tree, printed with all its parentheses, is parsed again.
    private const int MaxNesting = 400;

    private readonly Lexer _lexer;
    private int _depth;

    public TokenReader(string text)
    {
        _lexer = new Lexer(text);
        Current = _lexer.Next();
    }

    public Token Current { get; private set; }

    /// <summary>Takes the current token.</summary>
    public Token Take()
    {
        var token = Current;
        Current = _lexer.Next();
        return token;
    }

    public bool TryTake(string symbol)
    {
        if (!Current.IsSymbol(symbol))
            return false;
        Take();
        return true;
    }

    public bool TryTakeWord(string word)
    {
        if (!Current.IsWord(word))
            return false;
        Take();
        return true;
    }

    public void Expect(string symbol)
    {
        if (!TryTake(symbol))
            throw Unexpected(symbol);
    }

    /// <summary>Runs a parser one level deeper.</summary>
    public T Deeper<T>(Func<T> parse)
    {
        if (++_depth > MaxNesting)
            throw TooDeep(Current.Offset);
        var parsed = parse();
        _depth--;
        return parsed;
    }

    public static void CheckDepth(int depth, int offset)
    {
        if (depth > MaxDepth)
            throw TooDeep(offset);
    }

    private static QuerySyntaxException TooDeep(int offset) => new(offset, $"the query is nested too deep: at most {MaxDepth} operators, one within the other, are allowed");

    /// <summary>An error at the current token.</summary>
    public QuerySyntaxException Unexpected(string expected) => new(Current.Offset, $"syntax error: unexpected {Current}, expecting {expected}");
}
