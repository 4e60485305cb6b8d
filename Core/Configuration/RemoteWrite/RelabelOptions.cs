namespace OrleansTempo.Core.Configuration.RemoteWrite;

/// <summary>One of <c>write_relabel_configs</c>, with Prometheus' meaning and defaults.</summary>
public sealed record RelabelOptions
{
    public IReadOnlyList<string> SourceLabels { get; init; } = [];
    public string Separator { get; init; } = ";";
    public string TargetLabel { get; init; } = "";

    /// <summary>RE2 syntax, anchored at both ends.</summary>
    public string Regex { get; init; } = "(.*)";

    public ulong Modulus { get; init; }
    public string Replacement { get; init; } = "$1";

    [Option(IsSpecial = true)]
    public RelabelAction Action { get; init; } = RelabelAction.Replace;

    /// <summary>Equal by content, lists and dictionaries included.</summary>
    public bool Equals(RelabelOptions? other) => OptionsEquality.Same(this, other);

    public override int GetHashCode() => OptionsEquality.Hash(this);
}

/// <summary>What a relabelling rule does, in Prometheus' words.</summary>
public enum RelabelAction
{
    Replace,
    Keep,
    Drop,
    [Words("keepequal")]
    KeepEqual,
    [Words("dropequal")]
    DropEqual,
    [Words("hashmod")]
    HashMod,
    [Words("labelmap")]
    LabelMap,
    [Words("labeldrop")]
    LabelDrop,
    [Words("labelkeep")]
    LabelKeep,
    Lowercase,
    Uppercase,
}
