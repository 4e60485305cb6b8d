namespace OrleansTempo.Server.Configuration.Yaml;

/// <summary>Keys and their values, in the file's order, each key once.</summary>
internal sealed class MappingNode(SourcePosition position) : ConfigNode(position)
{
    // From here on looking at one entry after another takes longer than an index; a file of tenants has thousands.
    private const int FewEntries = 16;

    private readonly List<(ScalarNode Key, ConfigNode Value)> _entries = [];
    private Dictionary<string, int>? _index;

    public IReadOnlyList<(ScalarNode Key, ConfigNode Value)> Entries => _entries;

    /// <summary>Where it stands in the text that was parsed; null where an alias makes it depend on what stands elsewhere.</summary>
    public Range? Source { get; set; }

    public override string Kind => "a mapping";

    /// <summary>Adds a key that is not there yet.</summary>
    public void Add(ScalarNode key, ConfigNode value)
    {
        _entries.Add((key, value));
        if (_index is not null)
            _index.Add(key.Value, _entries.Count - 1);
        else if (_entries.Count == FewEntries)
            _index = Enumerable.Range(0, FewEntries).ToDictionary(i => _entries[i].Key.Value);
    }

    public (ScalarNode Key, ConfigNode Value)? Find(string key)
    {
        if (_index is not null)
            return _index.TryGetValue(key, out var at) ? _entries[at] : null;

        foreach (var entry in _entries)
        {
            if (entry.Key.Value == key)
                return entry;
        }

        return null;
    }
}
