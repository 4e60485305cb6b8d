namespace OrleansTempo.Harness.Fakes;

/// <summary>A clock that stands still until it is advanced, and tells when someone begins to wait on it.</summary>
internal sealed class ManualTimeProvider : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly List<ManualTimer> _timers = [];
    private readonly List<(TimeSpan DueIn, TaskCompletionSource Seen)> _watchers = [];
    private DateTimeOffset _now = DateTimeOffset.FromUnixTimeMilliseconds(1_780_000_000_000);

    // By how much the system clock was set: timers and timestamps do not heed it.
    private TimeSpan _set;

    public long NowMs => GetUtcNow().ToUnixTimeMilliseconds();

    public ulong NowNanos => (ulong)NowMs * 1_000_000;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow()
    {
        lock (_gate)
            return _now + _set;
    }

    public override long GetTimestamp()
    {
        lock (_gate)
            return _now.Ticks;
    }

    /// <summary>Sets the system clock forward, or back, while no time passes.</summary>
    public void SetClock(TimeSpan by)
    {
        lock (_gate)
            _set += by;
    }

    /// <summary>Completes when a timer of exactly that length runs, or at once where one does that was begun at this very time, or since then.</summary>
    public Task TimerOf(TimeSpan dueIn, DateTimeOffset? since = null)
    {
        lock (_gate)
        {
            if (_timers.Any(t => t.DueIn == dueIn && t.DueAt - dueIn >= (since ?? _now)))
                return Task.CompletedTask;
            var seen = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _watchers.Add((dueIn, seen));
            return seen.Task.WaitAsync(TimeSpan.FromSeconds(30));
        }
    }

    /// <summary>How many timers of exactly that length have been begun at this very time.</summary>
    public int TimersBegun(TimeSpan dueIn)
    {
        lock (_gate)
            return _timers.Count(t => t.DueIn == dueIn && t.DueAt - dueIn == _now);
    }

    /// <summary>How many timers of exactly that length run, whenever they were begun.</summary>
    public int TimersRunning(TimeSpan dueIn)
    {
        lock (_gate)
            return _timers.Count(t => t.DueIn == dueIn);
    }

    /// <summary>Whether a timer of another length than those runs.</summary>
    public bool HasTimerOtherThan(params ReadOnlySpan<TimeSpan> lengths)
    {
        lock (_gate)
        {
            foreach (var timer in _timers)
            {
                if (!lengths.Contains(timer.DueIn))
                    return true;
            }
        }

        return false;
    }

    /// <summary>Waits for a timer of that length and lets it pass.</summary>
    public async Task PassAsync(TimeSpan dueIn)
    {
        await TimerOf(dueIn);
        Advance(dueIn);
    }

    /// <summary>Lets every timer of that length pass until the task is done, which it may be without another.</summary>
    public async Task<T> PassUntilAsync<T>(Task<T> task, TimeSpan dueIn)
    {
        while (!task.IsCompleted)
        {
            var waiting = TimerOf(dueIn);
            if (await Task.WhenAny(task, waiting) == waiting)
                Advance(dueIn);
        }

        return await task;
    }

    public void Advance(TimeSpan by)
    {
        List<ManualTimer> due;
        lock (_gate)
        {
            _now += by;
            due = [.. _timers.Where(t => t.DueAt <= _now)];
            _timers.RemoveAll(due.Contains);
        }

        foreach (var timer in due)
            timer.Fire();

        // What repeats is due again from now on, however often it would have been meanwhile.
        foreach (var timer in due)
            timer.Repeat();
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new ManualTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class ManualTimer(ManualTimeProvider owner, TimerCallback callback, object? state) : ITimer
    {
        // Since it was last set.
        private bool _fired;
        private TimeSpan _period;

        public TimeSpan DueIn { get; private set; }

        public DateTimeOffset DueAt { get; private set; }

        public void Fire()
        {
            _fired = true;
            callback(state);
        }

        public void Repeat()
        {
            lock (owner._gate)
            {
                if (_fired && _period > TimeSpan.Zero)
                    Change(_period, _period);
            }
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (owner._gate)
            {
                _fired = false;
                _period = period;
                owner._timers.Remove(this);
                if (dueTime == Timeout.InfiniteTimeSpan)
                    return true;
                DueIn = dueTime;
                DueAt = owner._now + dueTime;
                owner._timers.Add(this);
                foreach (var (_, seen) in owner._watchers.Where(w => w.DueIn == dueTime))
                    seen.TrySetResult();
                owner._watchers.RemoveAll(w => w.DueIn == dueTime);
                return true;
            }
        }

        public void Dispose()
        {
            lock (owner._gate)
            {
                _fired = false;
                owner._timers.Remove(this);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }
    }
}
