using System.Diagnostics;

namespace OrleansTempo.Client.Tests;

/// <summary>An activity source that someone listens to, and the activities made of it.</summary>
internal sealed class RecordedActivities : IDisposable
{
    private readonly ActivityListener _listener;

    public RecordedActivities(ActivitySource? source = null)
    {
        Source = source ?? new ActivitySource(Guid.NewGuid().ToString());
        _listener = new ActivityListener
        {
            ShouldListenTo = other => other == Source,
            Sample = static (ref _) => ActivitySamplingResult.AllDataAndRecorded,
        };
        ActivitySource.AddActivityListener(_listener);
    }

    public ActivitySource Source { get; }

    /// <summary>An activity that has ended.</summary>
    public Activity Record(string name, Action<Activity>? set = null)
    {
        using var activity = Source.StartActivity(name)!;
        set?.Invoke(activity);
        return activity;
    }

    public void Dispose()
    {
        _listener.Dispose();
        Source.Dispose();
    }
}
