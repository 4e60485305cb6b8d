using System.Collections.Concurrent;

namespace OrleansTempo.Standalone;

/// <summary>
/// The threads on which the metrics-generators' mailboxes are read, one per processor. The thread pool is no place for
/// them: under load its threads turn to their own requests first, and a mailbox that waits half a second for its turn
/// overflows. Here the operating system shares the processors out between receiving and generating.
/// </summary>
internal sealed class GeneratorThreads : TaskScheduler, IDisposable
{
    private readonly BlockingCollection<Task> _tasks = [];

    public GeneratorThreads()
    {
        for (var i = 0; i < Environment.ProcessorCount; i++)
            new Thread(Run) { IsBackground = true, Name = $"metrics-generator {i}" }.Start();
    }

    public override int MaximumConcurrencyLevel => Environment.ProcessorCount;

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
