using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Ingester;

/// <summary>The way to ingester partitions that are not open in this process, wherever they are; one that is nowhere yet is opened, perhaps here.</summary>
public interface IRemotePartitions
{
    /// <summary>Opens the partition where it belongs, unless it is open; completes when it is.</summary>
    /// <exception cref="IOException">It cannot be reached.</exception>
    Task OpenAsync(TenantId tenant, int partition);

    /// <summary>
    /// Hands over spans of a batch. When it completes without a reason why not, they are in the write-ahead log of the process that has the
    /// partition, but for those that a limit refused.
    /// </summary>
    /// <param name="tenant">Whose spans they are.</param>
    /// <param name="partition">Which of the tenant's partitions.</param>
    /// <param name="batch">A batch that was prepared (<see cref="SpanBatch.Prepare"/>); the callee takes a lease of its own.</param>
    /// <param name="spans">Places of spans in the batch, ascending.</param>
    /// <param name="isReplayed">Whether they come from a log and have been accepted before, so that no limit may refuse them.</param>
    /// <returns>Refusals name places in the batch. Never fails.</returns>
    Task<IngestResult> PushAsync(TenantId tenant, int partition, SpanBatch batch, ReadOnlyMemory<int> spans, bool isReplayed);
}
