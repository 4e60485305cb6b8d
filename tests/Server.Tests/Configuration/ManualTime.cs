namespace OrleansTempo.Server.Tests.Configuration;

/// <summary>A clock without hands of its own: its timers fire when a test says so.</summary>
internal sealed class ManualTime : TimeProvider
{
    private readonly List<ManualTimer> _timers = [];
    private TimeSpan _passed;

    /// <summary>The periods of the timers that are running.</summary>
    public IReadOnlyList<TimeSpan> Periods => [.. _timers.Select(t => t.Period)];

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new ManualTimer(this, () => callback(state), period);
        _timers.Add(timer);
        return timer;
    }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => _passed.Ticks;

    /// <summary>Time passes, and no timer fires.</summary>
    public void Advance(TimeSpan time) => _passed += time;

    public void Tick()
    {
        foreach (var timer in _timers.ToArray())
            timer.Fire();
    }

    private sealed class ManualTimer(ManualTime time, Action fire, TimeSpan period) : ITimer
    {
        public TimeSpan Period => period;

        public void Fire() => fire();

        public bool Change(TimeSpan dueTime, TimeSpan period) => throw new NotSupportedException();

        public void Dispose() => time._timers.Remove(this);

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
