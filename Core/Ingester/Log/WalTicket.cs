using System.Threading.Tasks.Sources;

namespace OrleansTempo.Core.Ingester.Log;

/// <summary>Awaited by an append whose record is carried by another caller's commit; returns to its pool once awaited.</summary>
internal sealed class WalTicket(WalTicketPool pool) : IValueTaskSource
{
    // Continuations run asynchronously, because the completing thread has a log to write.
    private ManualResetValueTaskSourceCore<bool> _core = new() { RunContinuationsAsynchronously = true };

    public ValueTask Completion => new(this, _core.Version);

    /// <summary>Completes the append: the record is in the log, or <paramref name="error"/> says why not.</summary>
    public void Complete(string? error)
    {
        if (error is null)
            _core.SetResult(true);
        else
            _core.SetException(new IOException(error));
    }

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    public void GetResult(short token)
    {
        try
        {
            _core.GetResult(token);
        }
        finally
        {
            _core.Reset();
            pool.Return(this);
        }
    }
}
