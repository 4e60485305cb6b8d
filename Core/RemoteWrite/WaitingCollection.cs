using System.Diagnostics.CodeAnalysis;

namespace OrleansTempo.Core.RemoteWrite;

/// <summary>
/// One collection that waits, and what of it has yet to be accepted or refused. Its requests are in memory until it is written to
/// disk, and again while it is sent. All but <see cref="TryTake"/> is guarded by the queue's gate.
/// </summary>
internal sealed class WaitingCollection
{
    // A request that is done is null. No array where all of them are on disk alone.
    private RemoteWriteRequest?[]? _requests;
    private int _next = -1;
    private int _left;

    public WaitingCollection(IReadOnlyList<RemoteWriteRequest> requests, long timestampMs)
    {
        _requests = [.. requests];
        _left = requests.Count;
        TimestampMs = timestampMs;
        Bytes = requests.Sum(static r => (long)r.Body.Length);
        Samples = requests.Sum(static r => (long)r.AllSamples);
    }

    /// <summary>One that was found on disk.</summary>
    public WaitingCollection(StoredCollection stored)
    {
        Stored = stored;
        TimestampMs = stored.TimestampMs;
        Samples = stored.Samples;
    }

    public long TimestampMs { get; }

    /// <summary>Cancelled when it is dropped while it is being sent.</summary>
    public CancellationTokenSource Dropped { get; } = new();

    /// <summary>Compressed bytes in memory that wait; 0 once it is on disk.</summary>
    public long Bytes { get; private set; }

    /// <summary>Samples that wait.</summary>
    public long Samples { get; private set; }

    /// <summary>Its file; null where it is in memory alone.</summary>
    public StoredCollection? Stored { get; private set; }

    /// <summary>Whether its requests are in memory.</summary>
    [MemberNotNullWhen(true, nameof(_requests))]
    public bool IsLoaded => _requests is not null;

    /// <summary>Whether nothing of it waits.</summary>
    public bool IsDone => IsLoaded && _left == 0;

    /// <summary>How many requests it has, done ones too.</summary>
    public int Count => _requests?.Length ?? 0;

    /// <summary>Its requests stay in memory while it is.</summary>
    public bool IsBeingSent { get; set; }

    /// <summary>At least one of its requests was accepted.</summary>
    public bool IsAccepted { get; set; }

    /// <summary>It is in the queue no more.</summary>
    public bool IsRemoved { get; set; }

    /// <summary>The next request that nobody has taken yet.</summary>
    public bool TryTake(out int index, [NotNullWhen(true)] out RemoteWriteRequest? request)
    {
        var requests = _requests!;
        do
        {
            index = Interlocked.Increment(ref _next);
            request = index < requests.Length ? requests[index] : null;
        }
        while (request is null && index < requests.Length);
        return request is not null;
    }

    /// <summary>What waits of it now; null where a request is done.</summary>
    public RemoteWriteRequest?[] Snapshot() => [.. _requests!];

    /// <summary>A request was accepted or refused.</summary>
    public void Finish(int index)
    {
        var request = _requests![index]!;
        _requests[index] = null;
        _left--;
        Samples -= request.AllSamples;
        if (Stored is null)
            Bytes -= request.Body.Length;
    }

    /// <summary>It is on disk as well from now on, and in memory only as long as it is being sent.</summary>
    public void SetStored(StoredCollection stored)
    {
        Stored = stored;
        Bytes = 0;
        if (!IsBeingSent)
            _requests = null;
    }

    /// <summary>Its requests have been read from disk.</summary>
    public void SetLoaded(RemoteWriteRequest?[] requests)
    {
        _requests = requests;
        _left = requests.Count(static r => r is not null);
        Samples = requests.Sum(static r => (long?)r?.AllSamples ?? 0);
    }
}
