namespace OrleansTempo.Core.Generator.SpanNames;

/// <summary>
/// Finds what names have in common by the DRAIN algorithm (He et al., "Drain: An Online Log Parsing Approach with Fixed Depth
/// Tree", 2017), as Tempo has it for the names of spans: names are divided by how many tokens they have, then token by token, and
/// what likely is data goes the same way whatever it is. A name that arrives where a similar one is makes that one's template
/// more general; otherwise it begins a template of its own.
/// <code>
///   9 tokens ─► GET ─► " " ─► / ─► users ─► / ─► &lt;_&gt; ─► / ─► cart    GET /users/&lt;_&gt;/cart
///                              └─► items ─► / ─► &lt;_&gt; ─► ...
/// </code>
/// Deterministic: the same names in the same order give the same templates.
/// </summary>
/// <param name="maxTemplates">How many templates there may be; beyond it those not seen for longest are forgotten.</param>
internal sealed class TemplateTree(int maxTemplates = TemplateTree.MaxTemplates)
{
    // All of them are Tempo's, where they count an <END> that closes every name: it keeps the last token from being taken for a
    // parameter too easily. It is not kept here, only counted.
    private const int MaxTemplates = 100_000;
    private const int MinTokens = 3;
    private const int MaxTokens = 80;
    private const int MaxSteps = 27;
    private const int MaxChildren = 1000;
    private const double MinSimilarity = 0.3;

    // Ours: names of nothing but data all end in one place, and each would be compared with all that are there.
    private const int MaxTemplatesInOnePlace = 100;

    private readonly TemplateNode?[] _byLength = new TemplateNode?[MaxTokens + 1];
    private readonly int[] _ends = new int[MaxTokens - 1];
    private readonly int[] _open = new int[MaxTokens - 1];
    private readonly int[] _differing = new int[MaxTokens - 1];

    /// <summary>Changes with everything in the tree: while it stays, every name has the template that it had.</summary>
    public int Version { get; private set; }

    /// <summary>How many templates there are.</summary>
    public int Count { get; private set; }

    /// <summary>How many templates have begun.</summary>
    public long Detected { get; private set; }

    /// <summary>How many were forgotten to make room for others.</summary>
    public long Evicted { get; private set; }

    /// <summary>How many were forgotten because no name of them came any more.</summary>
    public long Expired { get; private set; }

    /// <summary>Learns from a name, and says which template it has from now on.</summary>
    /// <param name="name">UTF-8.</param>
    /// <param name="seenMs">When it was seen, steady milliseconds.</param>
    /// <param name="template">The template; null for a name that has none.</param>
    /// <param name="isTemplate">Whether it may be the text of a template, whose parameters are to stay what they are.</param>
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

    /// <summary>Forgets the templates of which no name has come since then; steady milliseconds.</summary>
    public void Expire(long beforeMs) => Expired += Remove(t => t.LastSeenMs < beforeMs);

    private ReadOnlySpan<byte> Token(ReadOnlySpan<byte> name, int token) => name[(token == 0 ? 0 : _ends[token - 1]).._ends[token]];

    // The most similar template where the name leads to, made as general as it needs to be; null where none is similar enough.
    private NameTemplate? Find(ReadOnlySpan<byte> name, int count)
    {
        if (_byLength[count + 1] is not { } node)
            return null;

        // Where the way was by a token itself, every template there has that token: only the others are compared.
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

    // A tenth at once, so that the time it takes is that of many names.
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
