using Microsoft.Extensions.Logging;
using OrleansTempo.Core.Configuration.RemoteWrite;
using OrleansTempo.Core.Objects;
using OrleansTempo.Core.RemoteWrite.Endpoint;
using OrleansTempo.Core.RemoteWrite.Messages;

namespace OrleansTempo.Core.RemoteWrite.Queue;

/// <summary>
/// The queue of one tenant's collections for one endpoint:
/// <code>
/// Enqueue ──► [oldest │ … │ newest] ──► pump: one collection at a time,
///    │            │ over its share           its requests max_shards at once,
///    returns      ▼ of the endpoint's        each until it is accepted or refused
///    at once    dropped, counted
///                          what waits any longer than that ──► the object store, once resumed
/// </code>
/// A collection is sent only when the one before it is done, so no sample ever follows a later sample of its series. The pump runs
/// only while there is something to send, and pauses while the tenant's <see cref="IWritePermit"/> is not held. A collection that is
/// sent at the first attempt, before the next one comes, is never put into the store. One that has to wait is, with all that come
/// after it, until the queue is empty. What previous owners left in the store is sent first. Safe for concurrent use.
/// </summary>
internal sealed class RemoteWriteQueue : IAsyncDisposable
{
    // The maximum Retry-After: a longer one would stop the tenant for longer than anyone intends.
    private static readonly TimeSpan s_maxRetryAfter = TimeSpan.FromHours(1);

    private readonly RemoteWriteEndpoint _endpoint;
    private readonly RemoteWriteMetrics _metrics;
    private readonly RemoteWriteReport _report;
    private readonly TimeProvider _time;
    private readonly IWritePermit? _permit;
    private readonly TenantId _tenant;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();

    // All below is guarded by _gate.
    private readonly QueuedCollections _waiting;

    // Null until the queue is resumed; until then everything is in memory.
    private StoredQueue? _stored;
    private CancellationTokenSource _pausing = new();
    private Task _pump = Task.CompletedTask;
    private Task _writing = Task.CompletedTask;
    private bool _isPumping;
    private bool _isWriting;
    private bool _isPaused;
    private bool _isStopped;

    // Another owner has taken over.
    private bool _isOver;
    private long _highestTimestampMs;
    private long _highestSentTimestampMs;

    // Whether the remote end has answered a collection, either way.
    private bool _isAnswered;

    /// <param name="endpoint">The endpoint to send to.</param>
    /// <param name="headers">The headers of the tenant.</param>
    /// <param name="metrics">The process's remote write counters.</param>
    /// <param name="time">The clock for backoff and ages.</param>
    /// <param name="logger">Receives outages, recoveries and losses.</param>
    /// <param name="permit">Nothing is sent while it is not held.</param>
    public RemoteWriteQueue(
        RemoteWriteEndpoint endpoint,
        RemoteWriteHeaders headers,
        RemoteWriteMetrics metrics,
        TimeProvider time,
        ILogger logger,
        IWritePermit? permit = null)
    {
        _endpoint = endpoint;
        _tenant = headers.Tenant;
        Headers = headers;
        _metrics = metrics;
        _report = new RemoteWriteReport(endpoint, headers.Tenant, metrics, time, logger);
        _time = time;
        _permit = permit;
        _waiting = new QueuedCollections(endpoint.Backlog, endpoint.DiskBacklog);
        metrics.Add(this);
    }

    /// <summary>The headers of the tenant. They are read at every attempt, so a change also applies to collections that already wait.</summary>
    public RemoteWriteHeaders Headers { get; set => Volatile.Write(ref field, value); }

    public KeyValuePair<string, object?>[] Tags => _report.Tags;

    /// <summary>The number of waiting samples; after disposal, those kept in the store.</summary>
    public long PendingSamples => Read(_waiting, static waiting => waiting.Samples);

    public long PendingSamplesOnDisk => Read(_waiting, static waiting => waiting.SamplesInStore);

    /// <summary>Whether nothing waits in memory alone.</summary>
    public bool IsSafe => Read(_waiting, static waiting => waiting.Samples == waiting.SamplesInStore);

    public long DiskBytes => Read(_waiting, static waiting => waiting.StoredBytes);

    /// <summary>The timestamp of the newest collection so far, including those of previous owners that were still there; 0 for none. Unix milliseconds.</summary>
    public long HighestTimestampMs => Read(this, static queue => queue._highestTimestampMs);

    public long HighestSentTimestampMs => Read(this, static queue => queue._highestSentTimestampMs);

    /// <summary>
    /// The time up to which the remote end has samples, or may still get waiting ones; 0 if it has refused them all. Null while it has
    /// answered nothing, so that only previous owners know. Unix milliseconds.
    /// </summary>
    public long? TakenUpToMs => Read(this, static queue =>
        queue._waiting.Count > 0 ? queue._highestTimestampMs : queue._isAnswered ? queue._highestSentTimestampMs : (long?)null);

    /// <summary>The write to the store that is under way; never fails.</summary>
    public Task Writing => Read(this, static queue => queue._writing);

    private QueueOptions Options => _endpoint.Options.QueueConfig;

    /// <summary>
    /// Takes a collection and starts to send it; never waits. If the queue exceeds its share of the limit, it drops the oldest
    /// collections, never the one just added.
    /// </summary>
    /// <param name="requests">The requests of the collection; none of their samples may be older than those of the previous collection.</param>
    /// <param name="timestampMs">The timestamp of its newest sample in Unix milliseconds, if that is later than the requests say.</param>
    public void Enqueue(IReadOnlyList<RemoteWriteRequest> requests, long timestampMs = 0)
    {
        if (requests.Count == 0)
            return;

        var collection = new WaitingCollection(requests, Math.Max(timestampMs, requests.Max(static r => r.TimestampMs)));
        List<WaitingCollection> dropped = [];
        bool isEnded;
        lock (_gate)
        {
            isEnded = _isStopped || _isOver;
            if (!isEnded)
            {
                // The previous collections were not sent within one collection interval, so they have to wait.
                var waits = _waiting.Count > 0;
                _waiting.Add(collection);
                _highestTimestampMs = Math.Max(_highestTimestampMs, collection.TimestampMs);
                _waiting.DropOverMemoryShare(dropped);
                if (waits)
                    StartWriting();
                StartPump();
            }
        }

        if (isEnded)
            _report.LostAtStop(collection.Samples);
        Drop(dropped);
    }

    /// <summary>
    /// Puts what previous owners left in front of what is here, and from now on puts what has to wait into the store. It can be called
    /// again after a failure; after a success it does nothing.
    /// </summary>
    /// <returns>False if another owner has already taken over.</returns>
    /// <exception cref="IOException">The store fails.</exception>
    public async Task<bool> ResumeAsync(StoredQueue stored, CancellationToken cancellation)
    {
        if (Read(this, static queue => queue._stored) is not null)
            return true;
        if (await stored.ResumeAsync(cancellation).ConfigureAwait(false) is not { } found)
        {
            _report.NotResumed(stored.Folder);
            return false;
        }

        await PutInFrontAsync(stored, found).ConfigureAwait(false);
        await stored.TidyAsync(cancellation).ConfigureAwait(false);
        return true;
    }

    /// <summary>Counts the series of a collection that relabelling dropped.</summary>
    public void CountDroppedSeries(int series) => _report.RelabelledAway(series);

    /// <summary>Waits until everything has been sent or refused, or until <paramref name="cancellation"/>; both end it without an exception.</summary>
    /// <returns>The number of samples still waiting.</returns>
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
                DiskBytes = _waiting.StoredBytes,
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

    /// <summary>Stops sending at once. Waiting samples are then in the store for the next owner, or counted as lost if that is not possible.</summary>
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
        if (_stored is { } stored)
            await LeaveAsync(stored).ConfigureAwait(false);

        long lost;
        lock (_gate)
            lost = _waiting.Close();
        _report.LostAtStop(lost);
        _metrics.Remove(this);
        _stopping.Dispose();
    }

    // From here on, nothing is sent any more, and nothing else is put into the store.
    private async Task LeaveAsync(StoredQueue stored)
    {
        if (Read(_waiting, static waiting => waiting.Oldest) is { Stored: { } partly, IsPartlyDone: true } oldest)
        {
            try
            {
                await stored.ReplaceAsync(partly, oldest.Snapshot()).ConfigureAwait(false);
            }
            catch (Exception e)
            {
                _report.StoreFailed(stored.Folder, e);
            }
        }

        while (await TryWriteOldestAsync().ConfigureAwait(false))
        {
        }

        if (await stored.CloseAsync().ConfigureAwait(false) is { } failure)
            _report.StoreFailed(stored.Folder, failure);
    }

    private async Task PutInFrontAsync(StoredQueue stored, IReadOnlyList<StoredCollection> found)
    {
        Task pump;
        lock (_gate)
        {
            if (_isStopped)
                return;
            _isPaused = true;
            pump = _pump;
        }

        // The collection it is sending is later than everything found in the store.
        await _pausing.CancelAsync().ConfigureAwait(false);
        await pump.ConfigureAwait(false);
        List<WaitingCollection> dropped = [];
        lock (_gate)
        {
            _isPaused = false;
            if (_isStopped)
                return;
            _pausing.Dispose();
            _pausing = new CancellationTokenSource();
            _stored = stored;
            foreach (var one in found)
            {
                _waiting.Add(new WaitingCollection(one));
                _highestTimestampMs = Math.Max(_highestTimestampMs, one.TimestampMs);
            }

            // The limit may be lower now, or there may be more tenants.
            _waiting.DropOverStoreShare(dropped);
            if (_waiting.Count > 1)
                StartWriting();
            if (_waiting.Count > 0)
                StartPump();
        }

        await DropAsync(dropped).ConfigureAwait(false);
    }

    // Called under the gate. Runs on the thread pool: neither on the caller's turn nor on the scheduler of a calling grain.
    private void StartPump()
    {
        if (_isPumping || _isPaused || _isOver)
            return;
        _isPumping = true;
        _pump = Task.Run(PumpAsync);
    }

    private async Task PumpAsync()
    {
        while (true)
        {
            WaitingCollection? collection;
            CancellationTokenSource ending;
            lock (_gate)
            {
                collection = _waiting.Oldest;
                if (collection is null || _isStopped || _isPaused || _isOver)
                {
                    _isPumping = false;
                    return;
                }

                collection.BeginSending();
                ending = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token, _pausing.Token, collection.Dropped.Token);
            }

            var hasFailed = false;
            using (ending)
            {
                try
                {
                    if (collection.IsLoaded || await TryLoadAsync(collection, ending.Token).ConfigureAwait(false))
                        hasFailed = !await TrySendAsync(collection, ending.Token).ConfigureAwait(false);
                }
                catch (Exception bug)
                {
                    // A bug costs this collection, but not those after it.
                    _report.SendingFailed(bug, collection.Samples);
                    hasFailed = true;
                }
            }

            var isTaken = false;
            lock (_gate)
            {
                collection.IsBeingSent = false;

                // If it was dropped meanwhile, it is already out of the queue. At a stop, or behind collections found in the store, it stays with its remaining requests.
                if (!collection.IsRemoved && (collection.IsDone || hasFailed))
                {
                    isTaken = true;
                    _waiting.RemoveOldest();
                    _isAnswered |= collection.IsDone;
                    if (collection.IsAccepted)
                        _highestSentTimestampMs = Math.Max(_highestSentTimestampMs, collection.TimestampMs);
                }
            }

            if (isTaken)
                await RemoveAsync(collection).ConfigureAwait(false);
        }
    }

    // False if cancelled. If the store fails, in whatever way, it is retried until it works: nothing behind this collection may go first.
    private async Task<bool> TryLoadAsync(WaitingCollection collection, CancellationToken cancellation)
    {
        var stored = collection.Stored!;
        StoredObject? there;
        for (var backoff = Options.MinBackoff; ; backoff = Longer(backoff))
        {
            try
            {
                // Until then the previous owner may continue to send, and what it has sent is gone from the store.
                while (_permit is { IsHeld: false })
                    await _permit.WaitAsync(cancellation).ConfigureAwait(false);
                there = await _stored!.GetAsync(stored, cancellation).ConfigureAwait(false);
                break;
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                return false;
            }
            catch (Exception e)
            {
                _report.StoreFailed(_stored!.Folder, e);
            }

            await Task.Delay(backoff, _time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (cancellation.IsCancellationRequested)
                return false;
        }

        _report.StoreWorks();
        Load(collection, stored, there);
        return true;
    }

    private void Load(WaitingCollection collection, StoredCollection stored, StoredObject? there)
    {
        // The previous owner may have continued to send until its claim ended, and has counted the result itself.
        var isDone = _stored!.IsOfFormerOwner(stored)
            && (there is not { } some || CollectionFormat.ReadHeader(some.Content.Span) is { Kind: QueueObjectKind.Sent });
        var read = there is { } found && !isDone ? CollectionFormat.Read(found.Content) : new ReadCollection([], Broken: isDone ? 0 : 1, LostSamples: isDone ? 0 : stored.Samples);
        bool isRemoved;
        lock (_gate)
        {
            isRemoved = collection.IsRemoved;
            if (isRemoved)
                collection.SetLoaded([], there?.ETag);
            else
                _waiting.Load(collection, read.Requests, there?.ETag);
        }

        if (read.Broken > 0 && !isRemoved)
            _report.Broken(_stored.Folder + stored.Name, read.LostSamples, there is null ? "it is gone" : "its content is not what was written");
    }

    // False if a bug ended it; the rest of the collection is then lost and counted.
    private async Task<bool> TrySendAsync(WaitingCollection collection, CancellationToken cancellation)
    {
        var shards = new Task[Math.Min(Options.MaxShards, collection.Count)];
        for (var i = 0; i < shards.Length; i++)
            shards[i] = RunShardAsync(collection, cancellation);

        // A cancelled collection was dropped, and counted there; or it is kept.
        var all = Task.WhenAll(shards);
        await ((Task)all).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (all.Exception is not { } bug)
            return true;
        _report.SendingFailed(bug, collection.Samples);
        return false;
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
        // The request as sent; counters use the request as queued.
        var sent = request;
        for (var backoff = Options.MinBackoff; ;)
        {
            while (_permit is { IsHeld: false })
            {
                // The wait may be long, and if the process dies meanwhile, the collection must be in the store.
                lock (_gate)
                    StartWriting();
                await _permit.WaitAsync(cancellation).ConfigureAwait(false);
            }

            // It may already have been dropped, before the cancellation arrived.
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
            backoff = Longer(backoff);
        }
    }

    private TimeSpan Longer(TimeSpan backoff) => backoff * 2 < Options.MaxBackoff ? backoff * 2 : Options.MaxBackoff;

    // A request that was dropped with its collection meanwhile is no longer in the sums.
    private void Finish(WaitingCollection collection, int index, bool isAccepted)
    {
        lock (_gate)
        {
            collection.IsAccepted |= isAccepted;
            if (!collection.IsRemoved)
                _waiting.Finish(collection, index);
        }
    }

    // Called under the gate. Runs on the thread pool, where a slow store delays neither collections nor sending.
    private void StartWriting()
    {
        if (_stored is null || _isWriting || _isStopped || _isOver || _waiting.OldestInMemory is null)
            return;
        _isWriting = true;
        _writing = Task.Run(WriteAsync);
    }

    // After a failure, the store is tried again with the next attempt to send, or the next collection.
    private async Task WriteAsync()
    {
        while (true)
        {
            var failed = !await TryWriteOldestAsync().ConfigureAwait(false);
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

    /// <summary>Puts the oldest collection that is only in memory into the store; false if there is none, or if the store fails.</summary>
    private async Task<bool> TryWriteOldestAsync()
    {
        WaitingCollection? collection = null;
        List<WaitingCollection> dropped = [];
        try
        {
            if (!await _stored!.PutAsync(Take, TryKeep).ConfigureAwait(false))
            {
                if (collection is not null)
                    End();
                return false;
            }
        }
        catch (Exception e)
        {
            // Nobody awaits this except disposal, so any other exception is reported and retried like a failing store.
            _report.StoreFailed(_stored!.Folder, e);
            return false;
        }

        _report.StoreWorks();
        await DropAsync(dropped).ConfigureAwait(false);
        return true;

        (IReadOnlyList<RemoteWriteRequest?> Requests, long TimestampMs)? Take()
        {
            lock (_gate)
            {
                collection = _isOver ? null : _waiting.OldestInMemory;
                return collection is null ? null : (collection.Snapshot(), collection.TimestampMs);
            }
        }

        bool TryKeep(StoredCollection stored)
        {
            lock (_gate)
            {
                if (collection!.IsRemoved)
                    return false;
                _waiting.MoveToStore(stored);
                _waiting.DropOverStoreShare(dropped);
                return true;
            }
        }
    }

    // What is in the store now belongs to the successor, and what is in memory is lost.
    private void End()
    {
        lock (_gate)
        {
            if (_isOver)
                return;
            _isOver = true;
        }

        _report.Followed();
        _ = _stopping.CancelAsync();
    }

    // All of them are out of the queue, and no longer in the sums.
    private void Drop(List<WaitingCollection> dropped)
    {
        foreach (var collection in dropped)
        {
            // The oldest may be the one being sent; code that waits in it must not continue on this thread.
            _ = collection.Dropped.CancelAsync();
        }

        _report.DroppedFromMemory(dropped.Where(static c => c.Stored is null).Sum(static c => c.Samples));
        _report.DroppedFromStore(dropped.Where(static c => c.Stored is not null).Sum(static c => c.Samples));
    }

    private async Task DropAsync(List<WaitingCollection> dropped)
    {
        Drop(dropped);
        foreach (var collection in dropped)
        {
            if (collection.Stored is { } stored)
                await RemoveAsync(stored).ConfigureAwait(false);
        }
    }

    // The collection was sent; the next one may go when a successor can no longer find this one.
    private async Task RemoveAsync(WaitingCollection sent)
    {
        if (sent.Stored is { } stored)
        {
            await RemoveAsync(stored).ConfigureAwait(false);
        }
        else if (_stored is { } queue)
        {
            try
            {
                await queue.SettleAsync().ConfigureAwait(false);
            }
            catch (Exception e)
            {
                _report.StoreFailed(queue.Folder, e);
            }
        }
    }

    private async Task RemoveAsync(StoredCollection stored)
    {
        if (await _stored!.RemoveAsync(stored).ConfigureAwait(false) is { } failure)
            _report.StoreFailed(_stored.Folder, failure);
    }

    private TimeSpan Age(long timestampMs) => _time.GetUtcNow() - DateTimeOffset.FromUnixTimeMilliseconds(timestampMs);

    private TValue Read<TFrom, TValue>(TFrom from, Func<TFrom, TValue> value)
    {
        lock (_gate)
            return value(from);
    }
}
