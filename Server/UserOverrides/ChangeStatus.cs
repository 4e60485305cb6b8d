namespace OrleansTempo.Server.UserOverrides;

/// <summary>What became of a change of a tenant's limits.</summary>
internal enum ChangeStatus
{
    Done,

    /// <summary>There was nothing to delete.</summary>
    NotFound,

    /// <summary>What is there is not the version that was to be changed.</summary>
    OtherVersion,

    /// <summary>The limits, or the patch, cannot be taken.</summary>
    Invalid,

    /// <summary>The operator has set some of the same fields.</summary>
    Conflicting,

    /// <summary>Others changed it each time that it was tried.</summary>
    Contended,
}
