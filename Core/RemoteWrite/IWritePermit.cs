namespace OrleansTempo.Core.RemoteWrite;

/// <summary>
/// The right to write a tenant's series. It is asked for directly before every attempt to send a request, and sending waits while it is not
/// held. A request that has left may still be under way when the permit ends. Safe for concurrent use.
/// </summary>
public interface IWritePermit
{
    /// <summary>Whether a request may leave now: a look at a clock, no I/O.</summary>
    bool IsHeld { get; }

    /// <summary>Another has it, for good: nothing is put into the store any more.</summary>
    bool IsLost { get; }

    /// <summary>Completes when the permit is held, or held again; at once where it is.</summary>
    /// <exception cref="OperationCanceledException">Cancelled; of a permit that is lost for good, the only way this ends.</exception>
    Task WaitAsync(CancellationToken cancellation);
}
