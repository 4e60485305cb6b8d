using OrleansTempo.Core.RemoteWrite;

namespace OrleansTempo.Core.Tests.RemoteWrite.Endpoint;

/// <summary>A permit that is held as the test says, not held at first, and that tells when someone begins to wait for it.</summary>
internal sealed class SwitchedPermit : IWritePermit
{
    private readonly Lock _gate = new();
    private readonly List<(int Count, TaskCompletionSource Reached)> _watchers = [];
    private TaskCompletionSource _switchedOn = New();
    private int _waits;

    public bool IsHeld
    {
        get => Volatile.Read(ref field);
        set
        {
            Volatile.Write(ref field, value);
            if (value)
                WakeWaiters();
        }
    }

    public bool IsLost { get; set => Volatile.Write(ref field, value); }

    /// <summary>Wakes who waits; it is held, or not any more, as it was before.</summary>
    public void WakeWaiters()
    {
        lock (_gate)
        {
            _switchedOn.SetResult();
            _switchedOn = New();
        }
    }

    /// <summary>Completes when it has been waited for that often.</summary>
    public Task WaitedForAsync(int count)
    {
        lock (_gate)
        {
            if (_waits >= count)
                return Task.CompletedTask;
            var reached = New();
            _watchers.Add((count, reached));
            return reached.Task.WaitAsync(TimeSpan.FromSeconds(30));
        }
    }

    public Task WaitAsync(CancellationToken cancellation)
    {
        lock (_gate)
        {
            _waits++;
            foreach (var (_, reached) in _watchers.Where(w => w.Count <= _waits))
                reached.TrySetResult();
            return IsHeld ? Task.CompletedTask : _switchedOn.Task.WaitAsync(cancellation);
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
