using System.Collections.Concurrent;

namespace OrleansTempo.Core;

/// <summary>
/// A scheduler with its own threads, for work that must not wait for the thread pool: under load, pool threads serve their own requests
/// first, and a mailbox that waits half a second for its turn overflows. With separate threads, the operating system shares the processors
/// between receiving and the work that follows.
/// </summary>
public sealed class DedicatedThreads : TaskScheduler, IDisposable
{
    private readonly BlockingCollection<Task> _tasks = [];

    public DedicatedThreads(string name, int count)
    {
        MaximumConcurrencyLevel = count;
        for (var i = 0; i < count; i++)
            new Thread(Run) { IsBackground = true, Name = $"{name} {i}" }.Start();
    }

    public override int MaximumConcurrencyLevel { get; }

    public void Dispose() => _tasks.CompleteAdding();

    protected override void QueueTask(Task task) => _tasks.Add(task);

    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

    protected override IEnumerable<Task> GetScheduledTasks() => _tasks;

    private void Run()
    {
        foreach (var task in _tasks.GetConsumingEnumerable())
            TryExecuteTask(task);
    }
}
