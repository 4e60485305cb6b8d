namespace OrleansTempo.Core.Generator.SpanNames;

/// <summary>
/// Finds the templates of span names with the DRAIN algorithm (He et al., "Drain: An Online Log Parsing Approach with Fixed Depth
/// Tree", 2017), as Tempo applies it to span names. Names are sorted into a tree by their number of tokens, then token by token;
/// all tokens that are probably data take the same branch. A name that ends up beside a similar one makes its template more
/// general; otherwise it starts a template of its own.
/// <code>
///   9 tokens ─► GET ─► " " ─► / ─► users ─► / ─► &lt;_&gt; ─► / ─► cart    GET /users/&lt;_&gt;/cart
///                              └─► items ─► / ─► &lt;_&gt; ─► ...
/// </code>
/// The result is deterministic: the same names in the same order give the same templates.
/// </summary>
/// <param name="maxTemplates">The maximum number of templates; beyond it, those not seen for longest are evicted.</param>
internal sealed class TemplateTree(int maxTemplates = TemplateTree.MaxTemplates)
{
    // These are Tempo's values. Tempo counts an <END> token that closes every name, which keeps the last token from becoming a
    // parameter too easily. Here it is counted, but not stored.
    private const int MaxTemplates = 100_000;
    private const int MinTokens = 3;
    private const int MaxTokens = 80;
    private const int MaxSteps = 27;
    private const int MaxChildren = 1000;
    private const double MinSimilarity = 0.3;

    // Our own limit: names that consist only of data all end up in one node, and each would be compared with all others there.
    private const int MaxTemplatesInOnePlace = 100;

    private readonly TemplateNode?[] _byLength = new TemplateNode?[MaxTokens + 1];
    private readonly int[] _ends = new int[MaxTokens - 1];
    private readonly int[] _open = new int[MaxTokens - 1];
    private readonly int[] _differing = new int[MaxTokens - 1];

    /// <summary>Changes with every change of the tree: while it stays the same, every name keeps its template.</summary>
    public int Version { get; private set; }

    /// <summary>The number of templates.</summary>
    public int Count { get; private set; }

    /// <summary>The number of templates started so far.</summary>
    public long Detected { get; private set; }

    /// <summary>The number of templates removed to make room for others.</summary>
    public long Evicted { get; private set; }

    /// <summary>The number of templates removed because no such name came any more.</summary>
    public long Expired { get; private set; }

    /// <summary>Learns from a name, and returns its template.</summary>
    /// <param name="name">UTF-8.</param>
    /// <param name="seenMs">When it was seen, steady milliseconds.</param>
    /// <param name="template">The template; null for a name without one.</param>
    /// <param name="isTemplate">Whether the name may be the text of a template, whose parameters must remain parameters.</param>
    public NameOutcome Train(ReadOnlySpan<byte> name, long seenMs, out NameTemplate? template, bool isTemplate = false)
    {
        template = null;
        var count = SpanNameTokenizer.Split(name, _ends, isTemplate);
        if (count < 0)
            return NameOutcome.TooManyTokens;
        if (count + 1 < MinTokens)
            return NameOutcome.TooFewTokens;
        template = Find(name, count) ?? Add(name, count);
        template.LastSeenMs = Math.Max(template.LastSeenMs, seenMs);
        return NameOutcome.Known;
    }

    /// <summary>Removes the templates without a name since then; steady milliseconds.</summary>
    public void Expire(long beforeMs) => Expired += Remove(t => t.LastSeenMs < beforeMs);

    private ReadOnlySpan<byte> Token(ReadOnlySpan<byte> name, int token) => name[(token == 0 ? 0 : _ends[token - 1]).._ends[token]];

    // Returns the most similar template in the node that the name leads to, generalized as needed; null if none is similar enough.
    private NameTemplate? Find(ReadOnlySpan<byte> name, int count)
    {
        if (_byLength[count + 1] is not { } node)
            return null;

        // Templates in a node share every token that was matched exactly on the way to it, so only the others are compared.
        var open = 0;
        var steps = Math.Min(MaxSteps, count);
        for (var i = 0; i < steps; i++)
        {
            if (node.Wildcard is { } wildcard)
            {
                node = wildcard;
                _open[open++] = i;
            }
            else if (node.Find(Token(name, i)) is { } child)
            {
                node = child;
            }
            else
            {
                return null;
            }
        }

        for (var i = steps; i < count; i++)
            _open[open++] = i;
        return node.Templates is { } templates ? Best(templates, name, count, _open.AsSpan(0, open)) : null;
    }

    private NameTemplate? Best(List<NameTemplate> templates, ReadOnlySpan<byte> name, int count, ReadOnlySpan<int> open)
    {
        NameTemplate? best = null;
        int mostSame = -1, mostParameters = -1, leastDiffering = 0;
        foreach (var template in templates)
        {
            int parameters = 0, differing = 0;
            foreach (var i in open)
            {
                var token = template.Tokens[i];
                if (NameTemplate.IsParameter(token))
                    parameters++;
                else if (!Token(name, i).SequenceEqual(token))
                    differing++;
            }

            var same = open.Length - parameters - differing;
            if (same > mostSame || (same == mostSame && parameters > mostParameters))
                (best, mostSame, mostParameters, leastDiffering) = (template, same, parameters, differing);
        }

        if (best is null)
            return null;
        var alike = count - open.Length + mostSame + 1;
        if ((double)alike / (count + 1) < MinSimilarity && templates.Count < MaxTemplatesInOnePlace)
            return null;
        if (leastDiffering > 0)
            Generalize(best, name, open);
        return best;
    }

    private void Generalize(NameTemplate template, ReadOnlySpan<byte> name, ReadOnlySpan<int> open)
    {
        var differing = 0;
        foreach (var i in open)
        {
            var token = template.Tokens[i];
            if (!NameTemplate.IsParameter(token) && !Token(name, i).SequenceEqual(token))
                _differing[differing++] = i;
        }

        template.Generalize(_differing.AsSpan(0, differing));
        Version++;
    }

    private NameTemplate Add(ReadOnlySpan<byte> name, int count)
    {
        if (Count >= maxTemplates)
            Evict();
        var node = _byLength[count + 1] ??= new TemplateNode([]);
        var tokens = new byte[count][];
        for (var i = 0; i < count; i++)
        {
            var token = Token(name, i);
            var isParameter = token.SequenceEqual(NameTemplate.Parameter);
            if (i >= MaxSteps || isParameter || SpanNameTokenizer.IsData(token) || node.ChildCount + 1 >= MaxChildren)
            {
                tokens[i] = isParameter ? NameTemplate.Parameter : token.ToArray();
                if (i < MaxSteps)
                    node = node.AddWildcard();
            }
            else
            {
                node = node.Find(token) ?? node.Add(token);
                tokens[i] = node.Token;
            }
        }

        var template = new NameTemplate(tokens);
        node.Add(template);
        Count++;
        Detected++;
        Version++;
        return template;
    }

    // Removes a tenth at once, so that its cost is spread over many names.
    private void Evict()
    {
        var seen = new List<long>(Count);
        Remove(t =>
        {
            seen.Add(t.LastSeenMs);
            return false;
        });
        seen.Sort();
        var goes = Math.Max(1, Count / 10);
        var lastMs = seen[goes - 1];
        var amongTheLast = goes - seen.FindIndex(ms => ms == lastMs);
        Evicted += Remove(t => t.LastSeenMs < lastMs || (t.LastSeenMs == lastMs && amongTheLast-- > 0));
    }

    private int Remove(Predicate<NameTemplate> isGone)
    {
        var removed = 0;
        bool Counted(NameTemplate template)
        {
            if (!isGone(template))
                return false;
            removed++;
            return true;
        }

        for (var i = 0; i < _byLength.Length; i++)
        {
            if (_byLength[i] is { } node && !node.Prune(Counted))
                _byLength[i] = null;
        }

        Count -= removed;
        if (removed > 0)
            Version++;
        return removed;
    }
}
