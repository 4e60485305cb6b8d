namespace OrleansTempo.Core.Generator.SpanNames;

/// <summary>
/// What came of the names seen of late, so that one that comes again is not cut into tokens again. Of a fixed size: a name has
/// one place, and takes it from the one that was there. What was found in another version of the tree is as good as not there.
/// </summary>
internal sealed class NameCache
{
    private const int Places = 2048;

    // Longer ones are not kept.
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
