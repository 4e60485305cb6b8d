using OrleansTempo.Core.Configuration.Overrides;

namespace OrleansTempo.Server.Configuration.Tenants;

/// <summary>
/// What one reading of a file of tenants' overrides came to, and the text that each entry was read from: the next reading takes an
/// entry over whose text has not changed, as the very same instance, so whoever goes by it sees at once that nothing concerns him.
/// </summary>
/// <param name="text">The file's text, variables put in.</param>
internal sealed class TenantEntries(string text)
{
    private readonly Dictionary<string, TenantOverrides> _overrides = [];
    private readonly Dictionary<string, Range> _sources = [];

    /// <summary>By the tenant's name, <see cref="OverridesReader.Wildcard"/> among them.</summary>
    public IReadOnlyDictionary<string, TenantOverrides> Overrides => _overrides;

    /// <summary>Adds an entry; <paramref name="source"/> is null where another reading must look at it again, whatever its text.</summary>
    public void Add(string name, TenantOverrides overrides, Range? source)
    {
        _overrides[name] = overrides;
        if (source is { } range)
            _sources[name] = range;
    }

    /// <summary>The overrides of this entry of the other reading, where it has the same text here; otherwise null.</summary>
    public TenantOverrides? Find(string name, TenantEntries other, Range? source) =>
        source is { } range && _sources.TryGetValue(name, out var own) && text.AsSpan()[own].SequenceEqual(other.TextOf(range)) ? _overrides[name] : null;

    private ReadOnlySpan<char> TextOf(Range range) => text.AsSpan()[range];
}
