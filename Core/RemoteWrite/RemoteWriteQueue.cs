using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Metrics;
using System.Globalization;
using Microsoft.Extensions.Logging;
using OrleansTempo.Core.Overrides;

namespace OrleansTempo.Core.RemoteWrite;

/// <summary>
/// One tenant's collections on their way to one endpoint:
/// <code>
/// Enqueue ──► [oldest │ … │ newest] ──► pump: one collection at a time,
///    │            │ over its share of          its requests max_shards at once,
///    returns      ▼ MaxQueueBytes              each until it is accepted or refused
///    at once    dropped, counted
/// </code>
/// The next collection begins when the one before it is done, so no sample ever comes after a later one of its series. The
/// pump runs only while there is something to send, and stands while the tenant's <see cref="IWritePermit"/> is not held. Safe for
/// concurrent use.
/// </summary>
internal sealed partial class RemoteWriteQueue : IAsyncDisposable
{
    // A remote end that asks for more than this would stop the tenant for longer than anyone means to.
    private static readonly TimeSpan s_maxRetryAfter = TimeSpan.FromHours(1);

    private readonly RemoteWriteEndpoint _endpoint;
    private readonly RemoteWriteMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly IWritePermit? _permit;
    private readonly TenantId _tenant;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();

    // All below is guarded by _gate.
    private readonly Queue<Collection> _collections = new();
    private Task _pump = Task.CompletedTask;
    private bool _pumping;
    private bool _stopped;
    private long _bytes;
    private long _pendingSamples;
    private long _lostSamples;
    private long _failedAttempts;
    private long _highestTimestampMs;
    private long _highestSentTimestampMs;
    private DateTimeOffset? _lastSuccess;
    private DateTimeOffset? _lastErrorTime;
    private string _lastError = "";

    // An outage begins with the first attempt that must be repeated and ends with the next that is accepted.
    private bool _outage;
    private bool _dropLogged;

    public RemoteWriteQueue(RemoteWriteEndpoint endpoint, TenantHeaders headers, RemoteWriteMetrics metrics, TimeProvider time, ILogger logger, IWritePermit? permit = null)
    {
        _endpoint = endpoint;
        _tenant = headers.Tenant;
        Headers = headers;
        _metrics = metrics;
        _time = time;
        _logger = logger;
        _permit = permit;
        Tags = [new("tenant", _tenant.Value), new("remote_name", endpoint.Name), new("url", endpoint.Url)];
        metrics.Add(this);
    }

    /// <summary>Read at every attempt, so a change also helps the collections that already wait.</summary>
    public TenantHeaders Headers { get; set => Volatile.Write(ref field, value); }

    public KeyValuePair<string, object?>[] Tags { get; }

    public long PendingSamples
    {
        get
        {
            lock (_gate)
                return _pendingSamples;
        }
    }

    public long HighestTimestampMs
    {
        get
        {
            lock (_gate)
                return _highestTimestampMs;
        }
    }

    public long HighestSentTimestampMs
    {
        get
        {
            lock (_gate)
                return _highestSentTimestampMs;
        }
    }

    private QueueOptions Options => _endpoint.Options.QueueConfig;

    private RemoteWriteBacklog Backlog => _endpoint.Backlog;

    /// <summary>
    /// Takes a collection and begins to send it; never waits. Where the queue is over its share of the limit the oldest
    /// collections go, never the one that just came.
    /// </summary>
    public void Enqueue(IReadOnlyList<RemoteWriteRequest> requests)
    {
        if (requests.Count == 0)
            return;

        var collection = new Collection(requests);
        List<Collection> dropped = [];
        bool stopped, log = false;
        lock (_gate)
        {
            stopped = _stopped;
            if (!stopped)
            {
                if (_collections.Count == 0)
                    Backlog.Enter();
                _collections.Enqueue(collection);
                AddBytes(collection.Bytes);
                _pendingSamples += collection.Samples;
                _highestTimestampMs = Math.Max(_highestTimestampMs, collection.TimestampMs);
                while (_collections.Count > 1 && Backlog.IsOverShare(_bytes))
                    dropped.Add(RemoveOldest());

                log = dropped.Exists(static c => c.Samples > 0) && !_dropLogged;
                _dropLogged |= log;
                if (!_pumping)
                {
                    _pumping = true;

                    // On the pool: not on the caller's turn, nor on the scheduler of the grain that calls.
                    _pump = Task.Run(PumpAsync);
                }
            }
        }

        if (stopped)
            CountDropped(collection.Samples, "shutdown");

        foreach (var old in dropped)
        {
            CountDropped(old.Samples, "queue_full");

            // The oldest is the one that is being sent, and whoever waits in it must not run on here.
            _ = old.Dropped.CancelAsync();
        }

        if (log)
            LogQueueFull(_endpoint.Name, _tenant, Options.MaxQueueBytes, dropped.Sum(static c => c.Samples));
    }

    /// <summary>Counts series of a collection that relabelling left out.</summary>
    public void CountDroppedSeries(int series) => CountMetric(_metrics.SamplesDropped, series, "dropped_series");

    /// <summary>Waits until everything has been sent or refused, or until <paramref name="cancellation"/>; both end it without an exception.</summary>
    /// <returns>The samples that are still waiting.</returns>
    public async Task<long> FlushAsync(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            Task pump;
            lock (_gate)
            {
                if (!_pumping)
                    break;
                pump = _pump;
            }

            await pump.WaitAsync(cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        return PendingSamples;
    }

    public RemoteWriteStatus Status()
    {
        lock (_gate)
        {
            return new RemoteWriteStatus
            {
                Tenant = _tenant,
                RemoteName = _endpoint.Name,
                Url = _endpoint.Url,
                QueueBytes = _bytes,
                PendingCollections = _collections.Count,
                PendingSamples = _pendingSamples,
                LostSamples = _lostSamples,
                FailedAttempts = _failedAttempts,
                Protocol = _endpoint.Protocol,
                LastSuccess = _lastSuccess,
                LastError = _lastError,
                LastErrorTime = _lastErrorTime,
                Lag = _collections.TryPeek(out var oldest) ? _time.GetUtcNow() - DateTimeOffset.FromUnixTimeMilliseconds(oldest.TimestampMs) : TimeSpan.Zero,
            };
        }
    }

    /// <summary>Stops sending at once; what waits is lost and counted.</summary>
    public async ValueTask DisposeAsync()
    {
        Task pump;
        long lost = 0;
        lock (_gate)
        {
            if (_stopped)
                return;
            _stopped = true;
            pump = _pump;
            while (_collections.Count > 0)
                lost += RemoveOldest().Samples;
        }

        CountDropped(lost, "shutdown");
        await _stopping.CancelAsync().ConfigureAwait(false);
        await pump.ConfigureAwait(false);
        _metrics.Remove(this);
        _stopping.Dispose();
    }

    private async Task PumpAsync()
    {
        while (true)
        {
            Collection? collection;
            lock (_gate)
            {
                if (!_collections.TryPeek(out collection))
                {
                    _pumping = false;
                    return;
                }
            }

            await SendAsync(collection).ConfigureAwait(false);
            lock (_gate)
            {
                // Enqueue or Dispose may have taken it meanwhile.
                if (collection.Removed)
                    continue;
                RemoveOldest();
                if (collection.Accepted)
                    _highestSentTimestampMs = Math.Max(_highestSentTimestampMs, collection.TimestampMs);
            }
        }
    }

    private async Task SendAsync(Collection collection)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token, collection.Dropped.Token);
        var shards = new Task[Math.Min(Options.MaxShards, collection.Requests.Count)];
        for (var i = 0; i < shards.Length; i++)
            shards[i] = RunShardAsync(collection, either.Token);

        // A collection that is cancelled was dropped, and counted where that was done.
        var all = Task.WhenAll(shards);
        await ((Task)all).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (all.Exception is { } bug)
        {
            LogPumpFailed(bug, _endpoint.Name, _tenant);
            CountDropped(collection.Samples, "error");
        }
    }

    private async Task RunShardAsync(Collection collection, CancellationToken cancellation)
    {
        while (collection.TryTake(out var request))
        {
            cancellation.ThrowIfCancellationRequested();
            await SendUntilDoneAsync(collection, request, cancellation).ConfigureAwait(false);
        }
    }

    private async Task SendUntilDoneAsync(Collection collection, RemoteWriteRequest request, CancellationToken cancellation)
    {
        // What is sent; what is counted stays the one that was queued.
        var sent = request;
        for (var backoff = Options.MinBackoff; ;)
        {
            while (_permit is { IsHeld: false })
                await _permit.WaitAsync(cancellation).ConfigureAwait(false);

            if (Options.SampleAgeLimit > TimeSpan.Zero && Age(request.TimestampMs) > Options.SampleAgeLimit)
            {
                DropTooOld(collection, request);
                return;
            }

            if (_endpoint.Protocol == RemoteWriteProtocol.V1)
                sent = V1Transcoder.Transcode(sent);
            var started = _time.GetTimestamp();
            var outcome = await _endpoint.SendAsync(sent, Headers, cancellation).ConfigureAwait(false);
            _metrics.SentBatchDuration.Record(_time.GetElapsedTime(started).TotalSeconds, Tags);
            if (outcome.Result == SendResult.Accepted)
            {
                Accept(collection, request, sent.Body.Length, outcome.Written ?? WrittenCounts.AllOf(request));
                return;
            }

            if (outcome.Result == SendResult.Rejected)
            {
                Reject(collection, request, outcome.Error, outcome.Written ?? default);
                return;
            }

            if (outcome.Result == SendResult.NotUnderstood)
            {
                if (_endpoint.FallBack())
                    LogFallback(_endpoint.Name, _tenant, outcome.Error);
                continue;
            }

            NoteRetry(request, outcome.Error);
            var delay = outcome.RetryAfter ?? backoff;
            await Task.Delay(delay < s_maxRetryAfter ? delay : s_maxRetryAfter, _time, cancellation).ConfigureAwait(false);
            backoff = backoff * 2 < Options.MaxBackoff ? backoff * 2 : Options.MaxBackoff;
        }
    }

    private void Accept(Collection collection, RemoteWriteRequest request, int sentBytes, WrittenCounts written)
    {
        bool recovered;
        var lost = request.AllSamples - written.Samples - written.Histograms;
        var error = lost == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"server accepted the request and wrote all but {lost} of its samples");
        lock (_gate)
        {
            Finish(collection, request);
            collection.Accepted = true;
            _lastSuccess = _time.GetUtcNow();
            recovered = _outage;
            _outage = false;
            _dropLogged = false;
            _lostSamples += lost;
            if (lost > 0)
                NoteError(error);
        }

        CountWritten(request, written);
        _metrics.Bytes.Add(sentBytes, Tags);
        if (recovered)
            LogRecovered(_endpoint.Name, _tenant);
        if (lost > 0)
            LogRejected(_endpoint.Name, _tenant, lost, error);
    }

    private void Reject(Collection collection, RemoteWriteRequest request, string error, WrittenCounts written)
    {
        var lost = request.AllSamples - written.Samples - written.Histograms;
        lock (_gate)
        {
            Finish(collection, request);
            collection.Accepted |= lost < request.AllSamples;
            _lostSamples += lost;
            NoteError(error);
        }

        CountWritten(request, written);
        LogRejected(_endpoint.Name, _tenant, lost, error);
    }

    // What was not written has failed for good.
    private void CountWritten(RemoteWriteRequest request, WrittenCounts written)
    {
        _metrics.Samples.Add(written.Samples, Tags);
        _metrics.Histograms.Add(written.Histograms, Tags);
        _metrics.Exemplars.Add(written.Exemplars, Tags);
        _metrics.SamplesFailed.Add(request.Samples - written.Samples, Tags);
        _metrics.HistogramsFailed.Add(request.Histograms - written.Histograms, Tags);
        _metrics.ExemplarsFailed.Add(request.Exemplars - written.Exemplars, Tags);
    }

    private void DropTooOld(Collection collection, RemoteWriteRequest request)
    {
        bool log;
        lock (_gate)
        {
            Finish(collection, request);
            log = !_dropLogged;
            _dropLogged = true;
        }

        CountDropped(request.AllSamples, "too_old");
        if (log)
            LogTooOld(_endpoint.Name, _tenant, Options.SampleAgeLimit);
    }

    private void NoteRetry(RemoteWriteRequest request, string error)
    {
        bool began;
        lock (_gate)
        {
            began = !_outage;
            _outage = true;
            NoteError(error);
        }

        _metrics.SamplesRetried.Add(request.Samples, Tags);
        _metrics.HistogramsRetried.Add(request.Histograms, Tags);
        if (began)
            LogOutage(_endpoint.Name, _tenant, error);
    }

    private TimeSpan Age(long timestampMs) => _time.GetUtcNow() - DateTimeOffset.FromUnixTimeMilliseconds(timestampMs);

    // Instruments are never called under the gate: a listener that reads the gauges takes it the other way round.
    private void CountDropped(long samples, string reason)
    {
        if (samples == 0)
            return;
        lock (_gate)
            _lostSamples += samples;
        CountMetric(_metrics.SamplesDropped, samples, reason);
    }

    private void CountMetric(Counter<long> counter, long value, string reason)
    {
        if (value > 0)
            counter.Add(value, [.. Tags, new("reason", reason)]);
    }

    // Under the gate.
    private void NoteError(string error)
    {
        _failedAttempts++;
        _lastError = error;
        _lastErrorTime = _time.GetUtcNow();
    }

    // Under the gate. What was dropped with its collection meanwhile is not in the sums any more.
    private void Finish(Collection collection, RemoteWriteRequest request)
    {
        if (collection.Removed)
            return;
        collection.Bytes -= request.Body.Length;
        collection.Samples -= request.AllSamples;
        AddBytes(-request.Body.Length);
        _pendingSamples -= request.AllSamples;
    }

    // Under the gate. What is left of the collection leaves the sums and stays readable in it.
    private Collection RemoveOldest()
    {
        var oldest = _collections.Dequeue();
        oldest.Removed = true;
        AddBytes(-oldest.Bytes);
        _pendingSamples -= oldest.Samples;
        if (_collections.Count == 0)
            Backlog.Leave();
        return oldest;
    }

    // Under the gate.
    private void AddBytes(long bytes)
    {
        _bytes += bytes;
        Backlog.Add(bytes);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Remote write to {RemoteName} for tenant {Tenant} fails and is repeated until it is accepted: {Error}")]
    private partial void LogOutage(string remoteName, TenantId tenant, string error);

    [LoggerMessage(Level = LogLevel.Information, Message = "Remote write to {RemoteName} for tenant {Tenant} is accepted again")]
    private partial void LogRecovered(string remoteName, TenantId tenant);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Remote write to {RemoteName}: the remote end does not understand protobuf_message io.prometheus.write.v2.Request, it is sent prometheus.WriteRequest for an hour (seen for tenant {Tenant}): {Error}")]
    private partial void LogFallback(string remoteName, TenantId tenant, string error);

    [LoggerMessage(Level = LogLevel.Error, Message = "Remote write to {RemoteName} for tenant {Tenant} was refused, {Samples} samples are lost: {Error}")]
    private partial void LogRejected(string remoteName, TenantId tenant, int samples, string error);

    [LoggerMessage(Level = LogLevel.Error, Message = "The queue to {RemoteName} for tenant {Tenant} is over its share of {MaxQueueBytes} bytes: the oldest collections are dropped, {Samples} samples so far, until it gets through again")]
    private partial void LogQueueFull(string remoteName, TenantId tenant, long maxQueueBytes, long samples);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Samples for {RemoteName} of tenant {Tenant} are older than sample_age_limit {SampleAgeLimit} and dropped, until it gets through again")]
    private partial void LogTooOld(string remoteName, TenantId tenant, TimeSpan sampleAgeLimit);

    [LoggerMessage(Level = LogLevel.Critical, Message = "Sending to {RemoteName} for tenant {Tenant} failed unexpectedly, the rest of the collection is lost")]
    private partial void LogPumpFailed(Exception exception, string remoteName, TenantId tenant);

    // All requests of one collection, and what of it has yet to be accepted or refused.
    private sealed class Collection
    {
        private int _next = -1;

        public Collection(IReadOnlyList<RemoteWriteRequest> requests)
        {
            Requests = requests;
            TimestampMs = requests.Max(static r => r.TimestampMs);
            Bytes = requests.Sum(static r => (long)r.Body.Length);
            Samples = requests.Sum(static r => (long)r.AllSamples);
        }

        public IReadOnlyList<RemoteWriteRequest> Requests { get; }

        public long TimestampMs { get; }

        public CancellationTokenSource Dropped { get; } = new();

        // Guarded by the queue's gate, as all below.
        public long Bytes { get; set; }

        public long Samples { get; set; }

        // At least one of its requests.
        public bool Accepted { get; set; }

        public bool Removed { get; set; }

        public bool TryTake([NotNullWhen(true)] out RemoteWriteRequest? request)
        {
            var index = Interlocked.Increment(ref _next);
            request = index < Requests.Count ? Requests[index] : null;
            return request is not null;
        }
    }
}
