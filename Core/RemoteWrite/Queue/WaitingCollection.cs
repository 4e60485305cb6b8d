using System.Diagnostics.CodeAnalysis;

namespace OrleansTempo.Core.RemoteWrite.Queue;

/// <summary>
/// One waiting collection, and which of its requests have yet to be accepted or refused. The requests are in memory until the
/// collection is put into the store, and again while it is sent. The queue's gate guards everything but <see cref="TryTake"/>.
/// </summary>
internal sealed class WaitingCollection
{
    // A finished request is null. The array is null if the requests are only in the store.
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

    /// <summary>Creates a collection that was found in the store.</summary>
    public WaitingCollection(StoredCollection stored)
    {
        Stored = stored;
        TimestampMs = stored.TimestampMs;
        Samples = stored.Samples;
    }

    public long TimestampMs { get; }

    /// <summary>Cancelled when the collection is dropped while it is being sent.</summary>
    public CancellationTokenSource Dropped { get; } = new();

    /// <summary>The number of waiting compressed bytes in memory; 0 once it is in the store.</summary>
    public long Bytes { get; private set; }

    /// <summary>The number of waiting samples.</summary>
    public long Samples { get; private set; }

    /// <summary>Its object in the store; null if it is only in memory.</summary>
    public StoredCollection? Stored { get; private set; }

    /// <summary>Whether its requests are in memory.</summary>
    [MemberNotNullWhen(true, nameof(_requests))]
    public bool IsLoaded => _requests is not null;

    /// <summary>Whether all its requests are finished.</summary>
    public bool IsDone => IsLoaded && _left == 0;

    /// <summary>Whether some of its requests are finished, and some are not.</summary>
    public bool IsPartlyDone => IsLoaded && _left > 0 && _left < _requests.Length;

    /// <summary>The number of its requests, including finished ones.</summary>
    public int Count => _requests?.Length ?? 0;

    /// <summary>Whether it is being sent; its requests then stay in memory.</summary>
    public bool IsBeingSent { get; set; }

    /// <summary>Whether at least one of its requests was accepted.</summary>
    public bool IsAccepted { get; set; }

    /// <summary>Whether it has left the queue.</summary>
    public bool IsRemoved { get; set; }

    /// <summary>Takes the next request that is not taken yet.</summary>
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

    /// <summary>Its requests now; a finished one is null.</summary>
    public RemoteWriteRequest?[] Snapshot() => [.. _requests!];

    /// <summary>Makes its requests available to <see cref="TryTake"/>, including those that were taken before but not finished.</summary>
    public void BeginSending()
    {
        IsBeingSent = true;
        _next = -1;
    }

    /// <summary>Marks a request as accepted or refused.</summary>
    public void Finish(int index)
    {
        var request = _requests![index]!;
        _requests[index] = null;
        _left--;
        Samples -= request.AllSamples;
        if (Stored is null)
            Bytes -= request.Body.Length;
    }

    /// <summary>Called when it has been put into the store; from now on it is in memory only while it is being sent.</summary>
    public void SetStored(StoredCollection stored)
    {
        Stored = stored;
        Bytes = 0;
        if (!IsBeingSent)
            _requests = null;
    }

    /// <summary>Called when its requests have been read from the store, without corrupt ones.</summary>
    public void SetLoaded(IReadOnlyList<RemoteWriteRequest> requests, string? etag)
    {
        Stored = Stored! with { ETag = etag };
        _requests = [.. requests];
        _left = requests.Count;
        Samples = requests.Sum(static r => (long)r.AllSamples);
    }
}
