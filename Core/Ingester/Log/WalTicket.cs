using System.Threading.Tasks.Sources;

namespace OrleansTempo.Core.Ingester.Log;

/// <summary>What an append awaits when another's commit carries its record; goes back to its pool when it has been awaited.</summary>
internal sealed class WalTicket(WalTicketPool pool) : IValueTaskSource
{
    // Asynchronously: the one who completes it has a log to write.
    private ManualResetValueTaskSourceCore<bool> _core = new() { RunContinuationsAsynchronously = true };

    public ValueTask Completion => new(this, _core.Version);

    /// <summary>The record is in the log, or it is not and <paramref name="error"/> says why.</summary>
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
