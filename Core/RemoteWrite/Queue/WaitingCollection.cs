using System.Diagnostics.CodeAnalysis;

namespace OrleansTempo.Core.RemoteWrite.Queue;

/// <summary>
/// One collection that waits, and what of it has yet to be accepted or refused. Its requests are in memory until it is put into the
/// store, and again while it is sent. All but <see cref="TryTake"/> is guarded by the queue's gate.
/// </summary>
internal sealed class WaitingCollection
{
    // A request that is done is null. No array where all of them are in the store alone.
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

    /// <summary>One that was found in the store.</summary>
    public WaitingCollection(StoredCollection stored)
    {
        Stored = stored;
        TimestampMs = stored.TimestampMs;
        Samples = stored.Samples;
    }

    public long TimestampMs { get; }

    /// <summary>Cancelled when it is dropped while it is being sent.</summary>
    public CancellationTokenSource Dropped { get; } = new();

    /// <summary>Compressed bytes in memory that wait; 0 once it is in the store.</summary>
    public long Bytes { get; private set; }

    /// <summary>Samples that wait.</summary>
    public long Samples { get; private set; }

    /// <summary>Its object; null where it is in memory alone.</summary>
    public StoredCollection? Stored { get; private set; }

    /// <summary>Whether its requests are in memory.</summary>
    [MemberNotNullWhen(true, nameof(_requests))]
    public bool IsLoaded => _requests is not null;

    /// <summary>Whether nothing of it waits.</summary>
    public bool IsDone => IsLoaded && _left == 0;

    /// <summary>Whether some of it is done, and some is not.</summary>
    public bool IsPartlyDone => IsLoaded && _left > 0 && _left < _requests.Length;

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

    /// <summary>Its requests can be taken from now on, those again that were taken and not finished before.</summary>
    public void BeginSending()
    {
        IsBeingSent = true;
        _next = -1;
    }

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

    /// <summary>It is in the store as well from now on, and in memory only as long as it is being sent.</summary>
    public void SetStored(StoredCollection stored)
    {
        Stored = stored;
        Bytes = 0;
        if (!IsBeingSent)
            _requests = null;
    }

    /// <summary>Its requests have been read from the store, as far as they are what was written.</summary>
    public void SetLoaded(IReadOnlyList<RemoteWriteRequest> requests, string? etag)
    {
        Stored = Stored! with { ETag = etag };
        _requests = [.. requests];
        _left = requests.Count;
        Samples = requests.Sum(static r => (long)r.AllSamples);
    }
}
