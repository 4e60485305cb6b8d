namespace OrleansTempo.Core.RemoteWrite;

/// <summary>
/// The right to write a tenant's series. It is checked directly before every attempt to send a request, and sending waits while it is
/// not held. A request may still be on its way when the permit ends. Safe for concurrent use.
/// </summary>
public interface IWritePermit
{
    /// <summary>Whether a request may be sent now; only looks at a clock, without I/O.</summary>
    bool IsHeld { get; }

    /// <summary>Whether another owner has it, for good: nothing is put into the store any more.</summary>
    bool IsLost { get; }

    /// <summary>Completes when the permit is held, at once if it is held already.</summary>
    /// <exception cref="OperationCanceledException">Cancelled. Waiting for a lost permit ends in no other way.</exception>
    Task WaitAsync(CancellationToken cancellation);
}
