using OrleansTempo.Core.Ingester.Log;

namespace OrleansTempo.Core.Tests.Ingester.Log;

/// <summary>A write-ahead log in memory, which fails when told to.</summary>
internal sealed class RecordingLog : IWriteAheadLog
{
    public long CurrentSegment { get; set; } = 1;

    public WalTrouble? Trouble { get; set; }

    public Task<string> Lost { get; } = new TaskCompletionSource<string>().Task;

    /// <summary>The error that appends fail with, if any.</summary>
    public IOException? Failure { get; set; }

    public int Appended => Requests.Count;

    /// <summary>What was appended.</summary>
    public List<byte[]> Requests { get; } = [];

    /// <summary>What a replay hands over.</summary>
    public List<WalRecord> Records { get; } = [];

    /// <summary>Segments before this one may be deleted.</summary>
    public long Released { get; private set; }

    public ValueTask AppendAsync(TenantId tenant, ReadOnlyMemory<byte> request)
    {
        if (Failure is { } failure)
            return ValueTask.FromException(failure);
        lock (Requests)
            Requests.Add(request.ToArray());
        return default;
    }

    public void Release(long segment) => Released = Math.Max(Released, segment);

    public async Task<ReplayResult> ReplayAsync(Func<WalRecord, ValueTask> replay, CancellationToken cancellationToken)
    {
        foreach (var record in Records)
            await replay(record);
        return new ReplayResult { Records = Records.Count };
    }

    public ValueTask DisposeAsync() => default;
}
