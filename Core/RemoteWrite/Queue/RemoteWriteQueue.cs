using Microsoft.Extensions.Logging;
using OrleansTempo.Core.Configuration.RemoteWrite;
using OrleansTempo.Core.Objects;
using OrleansTempo.Core.RemoteWrite.Endpoint;
using OrleansTempo.Core.RemoteWrite.Messages;

namespace OrleansTempo.Core.RemoteWrite.Queue;

/// <summary>
/// One tenant's collections on their way to one endpoint:
/// <code>
/// Enqueue ──► [oldest │ … │ newest] ──► pump: one collection at a time,
///    │            │ over its share           its requests max_shards at once,
///    returns      ▼ of the endpoint's        each until it is accepted or refused
///    at once    dropped, counted
///                          what waits any longer than that ──► the object store, once resumed
/// </code>
/// The next collection begins when the one before it is done, so no sample ever comes after a later one of its series. The
/// pump runs only while there is something to send, and stands while the tenant's <see cref="IWritePermit"/> is not held.
/// A collection that leaves at the first attempt and before the next one comes is never put into the store. Once it has to wait it is, and all
/// that come behind it, until the queue is empty. What owners before have left there is sent first. Safe for concurrent use.
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
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();

    // All below is guarded by _gate.
    private readonly WaitingCollections _waiting;

    // Null until it is resumed: all is in memory until then.
    private StoredQueue? _stored;
    private CancellationTokenSource _pausing = new();
    private Task _pump = Task.CompletedTask;
    private Task _writing = Task.CompletedTask;
    private bool _isPumping;
    private bool _isWriting;
    private bool _isPaused;
    private bool _isStopped;

    // Another owner has followed.
    private bool _isOver;
    private long _highestTimestampMs;
    private long _highestSentTimestampMs;

    // The remote end has answered to a collection, one way or the other.
    private bool _isAnswered;

    /// <param name="endpoint">Where to.</param>
    /// <param name="headers">Of the tenant.</param>
    /// <param name="metrics">The process's remote write counters.</param>
    /// <param name="time">The clock of backoff and ages.</param>
    /// <param name="logger">Told about outages, recoveries and what is lost.</param>
    /// <param name="permit">Nothing leaves while it is not held.</param>
    public RemoteWriteQueue(
        RemoteWriteEndpoint endpoint,
        TenantHeaders headers,
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
        _waiting = new WaitingCollections(endpoint.Backlog, endpoint.DiskBacklog);
        metrics.Add(this);
    }

    /// <summary>Read at every attempt, so a change also helps the collections that already wait.</summary>
    public TenantHeaders Headers { get; set => Volatile.Write(ref field, value); }

    public KeyValuePair<string, object?>[] Tags => _report.Tags;

    /// <summary>Samples that wait; after the end, those that are kept in the store.</summary>
    public long PendingSamples => Read(_waiting, static waiting => waiting.Samples);

    public long PendingSamplesOnDisk => Read(_waiting, static waiting => waiting.SamplesInStore);

    public long DiskBytes => Read(_waiting, static waiting => waiting.StoredBytes);

    /// <summary>Of the newest collection there has been, one of an owner before too where it was still there; 0 where there was none.</summary>
    public long HighestTimestampMs => Read(this, static queue => queue._highestTimestampMs);

    public long HighestSentTimestampMs => Read(this, static queue => queue._highestSentTimestampMs);

    /// <summary>
    /// Up to when the remote end has samples, or may get what waits; 0 where it has refused all there were. Null while it has answered to nothing,
    /// and only owners before know. Unix milliseconds.
    /// </summary>
    public long? TakenUpToMs => Read(this, static queue =>
        queue._waiting.Count > 0 ? queue._highestTimestampMs : queue._isAnswered ? queue._highestSentTimestampMs : (long?)null);

    /// <summary>What is being put into the store at the moment; never fails.</summary>
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
        bool isEnded;
        lock (_gate)
        {
            isEnded = _isStopped || _isOver;
            if (!isEnded)
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

        if (isEnded)
            _report.LostAtStop(collection.Samples);
        Drop(dropped);
    }

    /// <summary>
    /// Puts what owners before have left in front of what is here, and from now on what has to wait into the store. Where it fails it can be
    /// called again; where it has not before, it does nothing.
    /// </summary>
    /// <returns>False where another owner has followed already.</returns>
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

    /// <summary>Stops sending at once. What waits is in the store then for the next owner, or lost and counted where it cannot be.</summary>
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

    // Nothing is sent any more, and nothing else is put.
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

        // What it holds in its hand comes later than all that was found.
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

            // The limit may be lower than it was, or the tenants more.
            _waiting.DropOverStoreShare(dropped);
            if (_waiting.Count > 1)
                StartWriting();
            if (_waiting.Count > 0)
                StartPump();
        }

        await DropAsync(dropped).ConfigureAwait(false);
    }

    // Under the gate. On the pool: not on the caller's turn, nor on the scheduler of the grain that calls.
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
                    // It costs this collection, and not those behind it.
                    _report.SendingFailed(bug, collection.Samples);
                    hasFailed = true;
                }
            }

            var isTaken = false;
            lock (_gate)
            {
                collection.IsBeingSent = false;

                // Whoever dropped it meanwhile has taken it out; and at the stop, or behind what was found, it stays with what is left of it.
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

    // False where it was cancelled. A store that fails, in whatever way, is tried until it works: nothing behind may go first.
    private async Task<bool> TryLoadAsync(WaitingCollection collection, CancellationToken cancellation)
    {
        var stored = collection.Stored!;
        StoredObject? there;
        for (var backoff = Options.MinBackoff; ; backoff = Longer(backoff))
        {
            try
            {
                // Until then the owner before may go on sending, and what it has sent is gone.
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
        // An owner before may have gone on sending until its claim ended, and counts itself what became of it.
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
            _report.Broken(_stored.Folder + stored.Name, read.LostSamples, there is null ? "it is gone" : "it is not what was written");
    }

    // False where a defect has ended it, and what is left of it is lost and counted.
    private async Task<bool> TrySendAsync(WaitingCollection collection, CancellationToken cancellation)
    {
        var shards = new Task[Math.Min(Options.MaxShards, collection.Count)];
        for (var i = 0; i < shards.Length; i++)
            shards[i] = RunShardAsync(collection, cancellation);

        // A collection that is cancelled was dropped, and counted where that was done; or it is kept.
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
        // What is sent; what is counted stays the one that was queued.
        var sent = request;
        for (var backoff = Options.MinBackoff; ;)
        {
            while (_permit is { IsHeld: false })
            {
                // It may be long, and who dies meanwhile is to have left it.
                lock (_gate)
                    StartWriting();
                await _permit.WaitAsync(cancellation).ConfigureAwait(false);
            }

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
            backoff = Longer(backoff);
        }
    }

    private TimeSpan Longer(TimeSpan backoff) => backoff * 2 < Options.MaxBackoff ? backoff * 2 : Options.MaxBackoff;

    // What was dropped with its collection meanwhile is not in the sums any more.
    private void Finish(WaitingCollection collection, int index, bool isAccepted)
    {
        lock (_gate)
        {
            collection.IsAccepted |= isAccepted;
            if (!collection.IsRemoved)
                _waiting.Finish(collection, index);
        }
    }

    // Under the gate. On the pool, where a slow store holds up neither who collects nor what is being sent.
    private void StartWriting()
    {
        if (_stored is null || _isWriting || _isStopped || _isOver || _waiting.OldestInMemory is null)
            return;
        _isWriting = true;
        _writing = Task.Run(WriteAsync);
    }

    // A store that fails is tried again with the next attempt to send, or the next collection.
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

    /// <summary>Puts the oldest collection that is in memory alone into the store; false where there is none, or the store fails.</summary>
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
            // Nobody awaits this but the end: what is not a failing store is told like one, and tried again like one.
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

    // What is in the store belongs to the owner that has followed, and what is in memory is lost.
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

    // Each of them is out of the queue, and in no sum any more.
    private void Drop(List<WaitingCollection> dropped)
    {
        foreach (var collection in dropped)
        {
            // The oldest is the one that is being sent, and whoever waits in it must not run on here.
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

    // It was sent, and the next may go when a successor cannot find it any more.
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
