namespace OrleansTempo.Core.Ingester.Log;

/// <summary>
/// The process's one log of what it has acknowledged but not yet put into a complete block: one stream for all tenants and partitions, in numbered
/// segments. Safe to call from any thread.
/// </summary>
public interface IWriteAheadLog : IAsyncDisposable
{
    /// <summary>
    /// The segment that the next record goes to, unless a later one begins first: a record appended after this was read is never in an earlier
    /// segment.
    /// </summary>
    long CurrentSegment { get; }

    /// <summary>Why nothing can be written at the moment; null while the log works. It is known before anything is appended, and ends by itself.</summary>
    WalTrouble? Trouble { get; }

    /// <summary>Completes, with the reason in a sentence, if the log can never be written again by this process, which has to end.</summary>
    Task<string> Lost { get; }

    /// <summary>
    /// Appends a record synchronously. The returned ticket completes with the commit that carries the record, when the operating system (or the
    /// object store) has it. Many appends may share a commit.
    /// </summary>
    /// <param name="tenant">The tenant of the spans.</param>
    /// <param name="request">An <c>ExportTraceServiceRequest</c>; must not change until the ticket has completed.</param>
    /// <exception cref="IOException">From the ticket: the record could not be written and is not in the log; later ones may go through.</exception>
    ValueTask AppendAsync(TenantId tenant, ReadOnlyMemory<byte> request);

    /// <summary>
    /// Deletes the segments before <paramref name="segment"/>: all their records are in complete blocks. With a number past
    /// <see cref="CurrentSegment"/>, the records of the current segment are also deleted when the log is closed, unless something was appended since.
    /// </summary>
    void Release(long segment);

    /// <summary>
    /// Hands every record of earlier processes to <paramref name="replay"/>, in order, before anything is appended. Unreadable records are skipped,
    /// counted and logged; the records stay in the log until <see cref="Release"/>.
    /// </summary>
    Task<ReplayResult> ReplayAsync(Func<WalRecord, ValueTask> replay, CancellationToken cancellationToken);
}
