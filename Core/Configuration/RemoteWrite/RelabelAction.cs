namespace OrleansTempo.Core.Configuration.RemoteWrite;

/// <summary>What a relabelling rule does, in Prometheus' words.</summary>
public enum RelabelAction
{
    Replace,
    Keep,
    Drop,
    KeepEqual,
    DropEqual,
    HashMod,
    LabelMap,
    LabelDrop,
    LabelKeep,
    Lowercase,
    Uppercase,
}
