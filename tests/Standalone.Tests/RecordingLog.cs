using OrleansTempo.Core;
using OrleansTempo.Core.Ingester;

namespace OrleansTempo.Standalone.Tests;

/// <summary>A write-ahead log that keeps nothing but what it was asked, and fails when told to.</summary>
internal sealed class RecordingLog : IWriteAheadLog
{
    public long CurrentSegment { get; set; } = 1;

    /// <summary>What appends fail with, where they do.</summary>
    public IOException? Failure { get; set; }

    public int Appended { get; private set; }

    /// <summary>Segments before this one may go.</summary>
    public long Released { get; private set; }

    public ValueTask AppendAsync(TenantId tenant, ReadOnlyMemory<byte> request)
    {
        if (Failure is { } failure)
            return ValueTask.FromException(failure);
        Appended++;
        return default;
    }

    public void Release(long segment) => Released = Math.Max(Released, segment);

    public Task<ReplayResult> ReplayAsync(Func<WalRecord, ValueTask> replay, CancellationToken cancellationToken) => Task.FromResult(default(ReplayResult));

    public ValueTask DisposeAsync() => default;
}
