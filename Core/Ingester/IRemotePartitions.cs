using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Ingester;

/// <summary>Reaches ingester partitions that are not open in this process, wherever they are; one that is open nowhere yet is opened, perhaps here.</summary>
public interface IRemotePartitions
{
    /// <summary>Opens the partition where it belongs, unless it is open; completes once it is open.</summary>
    /// <exception cref="IOException">It cannot be reached.</exception>
    Task OpenAsync(TenantId tenant, int partition);

    /// <summary>
    /// Hands over spans of a batch. If it completes without a reason for failure, they are in the write-ahead log of the process that has the
    /// partition, except those that a limit refused.
    /// </summary>
    /// <param name="tenant">The tenant of the spans.</param>
    /// <param name="partition">The number of the tenant's partition.</param>
    /// <param name="batch">A prepared batch (<see cref="SpanBatch.Prepare"/>); the callee takes a lease of its own.</param>
    /// <param name="spans">Indexes of spans in the batch, ascending.</param>
    /// <param name="isReplayed">Whether they come from a log and were accepted before, so that no limit may refuse them.</param>
    /// <returns>The result; its refusals name indexes in the batch. Never fails.</returns>
    Task<IngestOutcome> PushAsync(TenantId tenant, int partition, SpanBatch batch, ReadOnlyMemory<int> spans, bool isReplayed);
}
