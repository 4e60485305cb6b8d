namespace OrleansTempo.Core.Generator.SpanNames;

/// <summary>
/// Caches the templates of recent names, so that a name that comes again is not tokenized again. Its size is fixed: a name has
/// one place, and evicts the name that was there. An entry from another version of the tree counts as missing.
/// </summary>
internal sealed class NameCache
{
    private const int Places = 2048;

    // Longer names are not cached.
    private const int MaxNameBytes = 96;

    private readonly Place[] _places = new Place[Places];
    private readonly byte[] _names = new byte[Places * MaxNameBytes];

    public bool TryGet(ReadOnlySpan<byte> name, ulong hash, int version, out NameOutcome outcome, out NameTemplate? template)
    {
        var i = (int)(hash & (Places - 1));
        ref readonly var place = ref _places[i];
        outcome = place.Outcome;
        template = place.Template;
        return place.IsTaken && place.Hash == hash && place.Version == version && name.SequenceEqual(_names.AsSpan(i * MaxNameBytes, place.Length));
    }

    public void Put(ReadOnlySpan<byte> name, ulong hash, int version, NameOutcome outcome, NameTemplate? template)
    {
        if (name.Length > MaxNameBytes)
            return;
        var i = (int)(hash & (Places - 1));
        name.CopyTo(_names.AsSpan(i * MaxNameBytes));
        _places[i] = new Place { IsTaken = true, Hash = hash, Version = version, Length = name.Length, Outcome = outcome, Template = template };
    }

    private struct Place
    {
        public ulong Hash;
        public NameTemplate? Template;
        public int Version;
        public int Length;
        public NameOutcome Outcome;
        public bool IsTaken;
    }
}
