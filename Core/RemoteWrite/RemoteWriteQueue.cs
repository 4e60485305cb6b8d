using Microsoft.Extensions.Logging;
using OrleansTempo.Core.Overrides;

namespace OrleansTempo.Core.RemoteWrite;

/// <summary>
/// One tenant's collections on their way to one endpoint:
/// <code>
/// Enqueue ──► [oldest │ … │ newest] ──► pump: one collection at a time,
///    │            │ over its share           its requests max_shards at once,
///    returns      ▼ of the endpoint's        each until it is accepted or refused
///    at once    dropped, counted
///                          what waits any longer than that ──► disk, where there is a folder for it
/// </code>
/// The next collection begins when the one before it is done, so no sample ever comes after a later one of its series. The
/// pump runs only while there is something to send, and stands while the tenant's <see cref="IWritePermit"/> is not held.
/// A collection that leaves at the first attempt and before the next one comes is never written to disk. Once it has to wait it is, and all
/// that come behind it, until the queue is empty. What another process of this queue has left there is sent first. Safe for
/// concurrent use.
/// </summary>
internal sealed class RemoteWriteQueue : IAsyncDisposable
{
    // A remote end that asks for more than this would stop the tenant for longer than anyone means to.
    private static readonly TimeSpan s_maxRetryAfter = TimeSpan.FromHours(1);

    private readonly RemoteWriteEndpoint _endpoint;
    private readonly RemoteWriteMetrics _metrics;
    private readonly RemoteWriteReport _report;
    private readonly TimeProvider _time;
    private readonly IWritePermit? _permit;
    private readonly TenantId _tenant;
    private readonly CollectionFolder? _folder;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();

    // All below is guarded by _gate.
    private readonly WaitingCollections _waiting;
    private Task _pump = Task.CompletedTask;
    private Task _writing = Task.CompletedTask;
    private bool _isPumping;
    private bool _isWriting;
    private bool _isStopped;
    private long _highestTimestampMs;
    private long _highestSentTimestampMs;

    /// <param name="endpoint">Where to.</param>
    /// <param name="headers">Of the tenant.</param>
    /// <param name="metrics">The process's remote write counters.</param>
    /// <param name="time">The clock of backoff and ages.</param>
    /// <param name="logger">Told about outages, recoveries and what is lost.</param>
    /// <param name="permit">Nothing leaves while it is not held.</param>
    /// <param name="folder">Where what waits is written to, and what waits already may be; null for memory alone.</param>
    public RemoteWriteQueue(
        RemoteWriteEndpoint endpoint,
        TenantHeaders headers,
        RemoteWriteMetrics metrics,
        TimeProvider time,
        ILogger logger,
        IWritePermit? permit = null,
        CollectionFolder? folder = null)
    {
        _endpoint = endpoint;
        _tenant = headers.Tenant;
        Headers = headers;
        _metrics = metrics;
        _report = new RemoteWriteReport(endpoint, headers.Tenant, metrics, time, logger);
        _time = time;
        _permit = permit;
        _waiting = new WaitingCollections(endpoint.Backlog, endpoint.DiskBacklog);
        metrics.Add(this);
        if (folder is not null && TryList(folder, out var found))
        {
            _folder = folder;
            GoOnWith(found);
        }
    }

    /// <summary>Read at every attempt, so a change also helps the collections that already wait.</summary>
    public TenantHeaders Headers { get; set => Volatile.Write(ref field, value); }

    public KeyValuePair<string, object?>[] Tags => _report.Tags;

    /// <summary>Samples that wait; after the end, those that are kept on disk.</summary>
    public long PendingSamples => Read(_waiting, static waiting => waiting.Samples);

    public long PendingSamplesOnDisk => Read(_waiting, static waiting => waiting.SamplesOnDisk);

    public long DiskBytes => Read(_waiting, static waiting => waiting.DiskBytes);

    /// <summary>Of the newest collection there has been, one of an earlier process too where it was still there; 0 where there was none.</summary>
    public long HighestTimestampMs => Read(this, static queue => queue._highestTimestampMs);

    public long HighestSentTimestampMs => Read(this, static queue => queue._highestSentTimestampMs);

    /// <summary>What is being written to disk at the moment; never fails.</summary>
    public Task Writing => Read(this, static queue => queue._writing);

    private QueueOptions Options => _endpoint.Options.QueueConfig;

    /// <summary>
    /// Takes a collection and begins to send it; never waits. Where the queue is over its share of the limit the oldest
    /// collections go, never the one that just came.
    /// </summary>
    /// <param name="requests">Its requests, whose samples are none older than those of the collection before.</param>
    /// <param name="timestampMs">Unix time in milliseconds of its newest sample, where that is later than its requests say.</param>
    public void Enqueue(IReadOnlyList<RemoteWriteRequest> requests, long timestampMs = 0)
    {
        if (requests.Count == 0)
            return;

        var collection = new WaitingCollection(requests, Math.Max(timestampMs, requests.Max(static r => r.TimestampMs)));
        List<WaitingCollection> dropped = [];
        bool isStopped;
        lock (_gate)
        {
            isStopped = _isStopped;
            if (!isStopped)
            {
                // Those before it have not got through in the time between two collections: they wait.
                var waits = _waiting.Count > 0;
                _waiting.Add(collection);
                _highestTimestampMs = Math.Max(_highestTimestampMs, collection.TimestampMs);
                _waiting.DropOverMemoryShare(dropped);
                if (waits)
                    StartWriting();
                StartPump();
            }
        }

        if (isStopped)
            _report.LostAtStop(collection.Samples);
        Drop(dropped);
    }

    /// <summary>Counts series of a collection that relabelling left out.</summary>
    public void CountDroppedSeries(int series) => _report.RelabelledAway(series);

    /// <summary>Waits until everything has been sent or refused, or until <paramref name="cancellation"/>; both end it without an exception.</summary>
    /// <returns>The samples that are still waiting.</returns>
    public async Task<long> FlushAsync(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            Task pump;
            lock (_gate)
            {
                if (!_isPumping)
                    break;
                pump = _pump;
            }

            await pump.WaitAsync(cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        return PendingSamples;
    }

    public RemoteWriteStatus Status()
    {
        var (lostSamples, failedAttempts, lastSuccess, lastError, lastErrorTime) = _report.Now;
        lock (_gate)
        {
            return new RemoteWriteStatus
            {
                Tenant = _tenant,
                RemoteName = _endpoint.Name,
                Url = _endpoint.Url,
                Protocol = _endpoint.Protocol,
                QueueBytes = _waiting.MemoryBytes,
                DiskBytes = _waiting.DiskBytes,
                PendingCollections = _waiting.Count,
                PendingSamples = _waiting.Samples,
                LostSamples = lostSamples,
                FailedAttempts = failedAttempts,
                LastSuccess = lastSuccess,
                LastError = lastError,
                LastErrorTime = lastErrorTime,
                Lag = _waiting.Oldest is { } oldest ? Age(oldest.TimestampMs) : TimeSpan.Zero,
            };
        }
    }

    /// <summary>Stops sending at once. What waits is on disk then for the next process, or lost and counted where it cannot be.</summary>
    public async ValueTask DisposeAsync()
    {
        Task pump;
        lock (_gate)
        {
            if (_isStopped)
                return;
            _isStopped = true;
            pump = _pump;
        }

        await _stopping.CancelAsync().ConfigureAwait(false);
        await pump.ConfigureAwait(false);
        await Writing.ConfigureAwait(false);
        while (TryWriteOldest())
        {
        }

        long lost;
        lock (_gate)
            lost = _waiting.Close();
        _report.LostAtStop(lost);
        _metrics.Remove(this);
        _stopping.Dispose();
    }

    // Without knowing what is there nothing can be put behind it, and all stays in memory.
    private bool TryList(CollectionFolder folder, out IReadOnlyList<StoredCollection> found)
    {
        try
        {
            found = folder.List();
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _report.DiskFailed(folder.Path, e.Message);
            found = [];
            return false;
        }
    }

    private void GoOnWith(IReadOnlyList<StoredCollection> found)
    {
        List<WaitingCollection> dropped = [];
        lock (_gate)
        {
            foreach (var stored in found)
            {
                _waiting.Add(new WaitingCollection(stored));
                _highestTimestampMs = Math.Max(_highestTimestampMs, stored.TimestampMs);
            }

            // The limit may be lower than it was, or the tenants more.
            _waiting.DropOverDiskShare(dropped);
            if (_waiting.Count > 0)
                StartPump();
        }

        Drop(dropped);
    }

    // Under the gate. On the pool: not on the caller's turn, nor on the scheduler of the grain that calls.
    private void StartPump()
    {
        if (_isPumping)
            return;
        _isPumping = true;
        _pump = Task.Run(PumpAsync);
    }

    private async Task PumpAsync()
    {
        while (true)
        {
            WaitingCollection? collection;
            lock (_gate)
            {
                collection = _waiting.Oldest;
                if (collection is null || _isStopped)
                {
                    _isPumping = false;
                    return;
                }

                collection.IsBeingSent = true;
            }

            if (!collection.IsLoaded)
                Load(collection);
            await SendAsync(collection).ConfigureAwait(false);
            StoredCollection? stored = null;
            lock (_gate)
            {
                // Enqueue may have dropped it meanwhile; and at the stop it is kept with what is left of it.
                if (!collection.IsRemoved && (!_isStopped || collection.IsDone))
                {
                    stored = collection.Stored;
                    _waiting.RemoveOldest();
                    if (collection.IsAccepted)
                        _highestSentTimestampMs = Math.Max(_highestSentTimestampMs, collection.TimestampMs);
                }
            }

            if (stored is not null)
                Delete(stored);
        }
    }

    private void Load(WaitingCollection collection)
    {
        var stored = collection.Stored!;
        RemoteWriteRequest?[] requests = [];
        int broken;
        long sound = 0;
        var reason = "it is not what was written";
        try
        {
            requests = _folder!.Read(stored, out broken, out sound);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            (broken, reason) = (1, e.Message);
        }

        bool isRemoved;
        lock (_gate)
        {
            isRemoved = collection.IsRemoved;
            if (isRemoved)
                collection.SetLoaded([]);
            else
                _waiting.Load(collection, requests);
        }

        if (broken > 0 && !isRemoved)
            _report.Broken(stored, Math.Max(0, stored.Samples - sound), reason);
    }

    private async Task SendAsync(WaitingCollection collection)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token, collection.Dropped.Token);
        var shards = new Task[Math.Min(Options.MaxShards, collection.Count)];
        for (var i = 0; i < shards.Length; i++)
            shards[i] = RunShardAsync(collection, either.Token);

        // A collection that is cancelled was dropped, and counted where that was done; or it is kept at the stop.
        var all = Task.WhenAll(shards);
        await ((Task)all).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (all.Exception is { } bug)
            _report.SendingFailed(bug, collection.Samples);
    }

    private async Task RunShardAsync(WaitingCollection collection, CancellationToken cancellation)
    {
        while (collection.TryTake(out var index, out var request))
        {
            cancellation.ThrowIfCancellationRequested();
            await SendUntilDoneAsync(collection, index, request, cancellation).ConfigureAwait(false);
        }
    }

    private async Task SendUntilDoneAsync(WaitingCollection collection, int index, RemoteWriteRequest request, CancellationToken cancellation)
    {
        // What is sent; what is counted stays the one that was queued.
        var sent = request;
        for (var backoff = Options.MinBackoff; ;)
        {
            while (_permit is { IsHeld: false })
                await _permit.WaitAsync(cancellation).ConfigureAwait(false);

            // Dropped already, where the word of it has not come yet.
            if (Read(collection, static c => c.IsRemoved))
                return;

            if (Options.SampleAgeLimit > TimeSpan.Zero && Age(request.TimestampMs) > Options.SampleAgeLimit)
            {
                Finish(collection, index, isAccepted: false);
                _report.DroppedTooOld(request.AllSamples);
                return;
            }

            if (_endpoint.Protocol == RemoteWriteProtocol.V1)
                sent = V1Transcoder.Transcode(sent);
            var started = _time.GetTimestamp();
            var outcome = await _endpoint.SendAsync(sent, Headers, cancellation).ConfigureAwait(false);
            _report.Attempted(_time.GetElapsedTime(started));
            if (outcome.Result == SendResult.Accepted)
            {
                Finish(collection, index, isAccepted: true);
                _report.Accepted(request, sent.Body.Length, outcome.Written ?? WrittenCounts.AllOf(request));
                return;
            }

            if (outcome.Result == SendResult.Rejected)
            {
                var written = outcome.Written ?? default;
                Finish(collection, index, isAccepted: written.AllSamples > 0);
                _report.Rejected(request, outcome.Error, written);
                return;
            }

            if (outcome.Result == SendResult.NotUnderstood)
            {
                if (_endpoint.FallBack())
                    _report.FellBack(outcome.Error);
                continue;
            }

            _report.Retried(request, outcome.Error);
            lock (_gate)
                StartWriting();
            var delay = outcome.RetryAfter ?? backoff;
            await Task.Delay(delay < s_maxRetryAfter ? delay : s_maxRetryAfter, _time, cancellation).ConfigureAwait(false);
            backoff = backoff * 2 < Options.MaxBackoff ? backoff * 2 : Options.MaxBackoff;
        }
    }

    // What was dropped with its collection meanwhile is not in the sums any more.
    private void Finish(WaitingCollection collection, int index, bool isAccepted)
    {
        StoredCollection? stored = null;
        lock (_gate)
        {
            collection.IsAccepted |= isAccepted;
            if (!collection.IsRemoved)
            {
                _waiting.Finish(collection, index);

                // The last one needs no mark: the file goes.
                stored = collection.IsDone ? null : collection.Stored;
            }
        }

        if (stored is not null)
            _folder!.MarkDone(stored, index);
    }

    // Under the gate. On the pool, where a slow disk holds up neither who collects nor what is being sent.
    private void StartWriting()
    {
        if (_folder is null || _isWriting || _isStopped || _waiting.OldestInMemory is null)
            return;
        _isWriting = true;
        _writing = Task.Run(Write);
    }

    // A disk that fails is tried again with the next attempt to send, or the next collection.
    private void Write()
    {
        while (true)
        {
            var failed = !TryWriteOldest();
            lock (_gate)
            {
                if (failed || _isStopped || _waiting.OldestInMemory is null)
                {
                    _isWriting = false;
                    return;
                }
            }
        }
    }

    /// <summary>Writes the oldest collection that is in memory alone; false where there is none, or the disk fails. One caller at a time.</summary>
    private bool TryWriteOldest()
    {
        WaitingCollection? collection;
        RemoteWriteRequest?[] requests;
        lock (_gate)
        {
            collection = _waiting.OldestInMemory;
            if (_folder is null || collection is null)
                return false;
            requests = collection.Snapshot();
        }

        StoredCollection stored;
        try
        {
            stored = _folder.Write(requests, collection.TimestampMs);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _report.DiskFailed(_folder.Path, e.Message);
            return false;
        }

        List<WaitingCollection> dropped = [];
        List<int> doneMeanwhile = [];
        bool isRemoved;
        lock (_gate)
        {
            isRemoved = collection.IsRemoved;
            if (!isRemoved)
            {
                var now = collection.Snapshot();
                for (var i = 0; i < now.Length; i++)
                {
                    if (now[i] is null && requests[i] is not null)
                        doneMeanwhile.Add(i);
                }

                _waiting.MoveToDisk(stored);
                _waiting.DropOverDiskShare(dropped);
            }
        }

        _report.DiskWorks();
        foreach (var request in doneMeanwhile)
            _folder.MarkDone(stored, request);
        if (isRemoved)
            Delete(stored);
        Drop(dropped);
        return true;
    }

    // Each of them is out of the queue, and in no sum any more.
    private void Drop(List<WaitingCollection> dropped)
    {
        foreach (var collection in dropped)
        {
            if (collection.Stored is { } stored)
                Delete(stored);

            // The oldest is the one that is being sent, and whoever waits in it must not run on here.
            _ = collection.Dropped.CancelAsync();
        }

        _report.DroppedFromMemory(dropped.Where(static c => c.Stored is null).Sum(static c => c.Samples));
        _report.DroppedFromDisk(dropped.Where(static c => c.Stored is not null).Sum(static c => c.Samples));
    }

    private void Delete(StoredCollection stored)
    {
        if (!_folder!.Delete(stored))
            _report.DiskFailed(_folder.Path, $"{stored.FileName} cannot be deleted, and is sent again by the next process");
    }

    private TimeSpan Age(long timestampMs) => _time.GetUtcNow() - DateTimeOffset.FromUnixTimeMilliseconds(timestampMs);

    private TValue Read<TFrom, TValue>(TFrom from, Func<TFrom, TValue> value)
    {
        lock (_gate)
            return value(from);
    }
}
