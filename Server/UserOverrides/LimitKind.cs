namespace OrleansTempo.Server.UserOverrides;

/// <summary>What a field of a tenant's limits holds, in JSON.</summary>
internal enum LimitKind
{
    /// <summary>An object of known fields that is always written, with nothing in it if need be, as Tempo does.</summary>
    Block,

    /// <summary>An object of known fields that is written where it was given.</summary>
    Group,

    /// <summary>A list of objects of known fields.</summary>
    Groups,

    Flag,
    Number,
    Numbers,
    Text,
    Texts,

    /// <summary>An object whose names the user chooses, with texts.</summary>
    TextMap,

    /// <summary>As <see cref="TextMap"/>, with flags.</summary>
    FlagMap,

    /// <summary>A Go duration, or a number of nanoseconds.</summary>
    Duration,

    /// <summary>A text, a number or a flag.</summary>
    Scalar,
}
