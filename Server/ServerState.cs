namespace OrleansTempo.Server;

/// <summary>The server's <see cref="ServerPhase"/>, shared by its receivers and pages, and a way to wait for the next one.</summary>
public sealed class ServerState
{
    private readonly Lock _lock = new();
    private volatile ServerPhase _phase;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ServerPhase Phase => _phase;

    /// <summary>The phase now, and a task that completes when it is another.</summary>
    public (ServerPhase Phase, Task Changed) Observe()
    {
        lock (_lock)
            return (_phase, _changed.Task);
    }

    /// <summary>Moves on to <paramref name="phase"/>; going back is ignored.</summary>
    public void MoveTo(ServerPhase phase)
    {
        lock (_lock)
        {
            if (phase <= _phase)
                return;
            _phase = phase;
            _changed.SetResult();
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }
}
