namespace OrleansTempo.Core.Ingester.Log;

/// <summary>What is to be expected of a stream's owner.</summary>
internal enum WalOwnerState
{
    /// <summary>It renews its record; when it ceases to, the stream is an orphan.</summary>
    Live,

    /// <summary>It has ended in order and left records behind: an orphan at once.</summary>
    Stopped,

    /// <summary>All records are another's by now; what remains of the stream only keeps its old owner from writing.</summary>
    Adopted,

    /// <summary>As <see cref="Adopted"/>, but some objects could not be read, and are left to a human.</summary>
    Unreadable,
}
