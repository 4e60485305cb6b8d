namespace OrleansTempo.Core.Ingester.Flush;

/// <summary>Why an ingester is asked to cut traces and blocks.</summary>
public enum CutReason
{
    /// <summary>The time has come to look: what is idle is cut, and a block that is large or old enough.</summary>
    Due,

    /// <summary>Memory is wanted: what is idle is cut, and a block of it however small.</summary>
    Memory,

    /// <summary>Everything is cut, live traces too.</summary>
    Everything,
}
