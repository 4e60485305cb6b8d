using OrleansTempo.Core.Generator.Registry;

namespace OrleansTempo.Core.Generator.SpanNames;

/// <summary>A node of the <see cref="TemplateTree"/>: the prefix that some templates have in common.</summary>
internal sealed class TemplateNode(byte[] token)
{
    // A few children are compared one by one, which is faster than hashing.
    private const int FewChildren = 6;

    private TemplateNode[] _children = [];
    private int _count;
    private Dictionary<byte[], TemplateNode>? _byToken;

    /// <summary>The last token of the prefix.</summary>
    public byte[] Token { get; } = token;

    /// <summary>The child for any token; null for none.</summary>
    public TemplateNode? Wildcard { get; private set; }

    /// <summary>The number of children.</summary>
    public int ChildCount => _count + (Wildcard is null ? 0 : 1);

    /// <summary>The templates that end here; null for none, as in nearly all nodes.</summary>
    public List<NameTemplate>? Templates { get; private set; }

    /// <summary>The child for exactly this token; null for none.</summary>
    public TemplateNode? Find(ReadOnlySpan<byte> token)
    {
        if (_byToken is not null)
            return _byToken.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(token, out var found) ? found : null;
        for (var i = 0; i < _count; i++)
        {
            if (_children[i].Token.AsSpan().SequenceEqual(token))
                return _children[i];
        }

        return null;
    }

    public TemplateNode Add(ReadOnlySpan<byte> token)
    {
        var child = new TemplateNode(token.ToArray());
        if (_count == _children.Length)
            Array.Resize(ref _children, Math.Max(1, _count * 2));
        _children[_count++] = child;
        _byToken?.Add(child.Token, child);
        if (_count == FewChildren + 1)
            Index();
        return child;
    }

    public void Add(NameTemplate template) => (Templates ??= new(1)).Add(template);

    public TemplateNode AddWildcard() => Wildcard ??= new TemplateNode(NameTemplate.Parameter);

    /// <summary>Removes templates from this node and all nodes below it.</summary>
    /// <returns>Whether anything is left.</returns>
    public bool Prune(Predicate<NameTemplate> isGone)
    {
        var kept = 0;
        for (var i = 0; i < _count; i++)
        {
            if (_children[i].Prune(isGone))
                _children[kept++] = _children[i];
        }

        if (kept < _count)
        {
            Array.Clear(_children, kept, _count - kept);
            _count = kept;
            _byToken = null;
            if (_count > FewChildren)
                Index();
        }

        if (Wildcard is not null && !Wildcard.Prune(isGone))
            Wildcard = null;
        Templates?.RemoveAll(isGone);
        return ChildCount > 0 || Templates is { Count: > 0 };
    }

    private void Index()
    {
        _byToken = new Dictionary<byte[], TemplateNode>(Utf8Comparer.Instance);
        foreach (var child in _children.AsSpan(0, _count))
            _byToken.Add(child.Token, child);
    }
}
