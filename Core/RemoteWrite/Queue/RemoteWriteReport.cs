using System.Diagnostics.Metrics;
using System.Globalization;
using Microsoft.Extensions.Logging;
using OrleansTempo.Core.RemoteWrite.Endpoint;

namespace OrleansTempo.Core.RemoteWrite.Queue;

/// <summary>
/// Reports what one queue does: counters for everything, and log lines for changes, not for every request. Safe for concurrent use.
/// Never called under the queue's gate, because a metrics listener that reads the gauges takes that gate.
/// </summary>
internal sealed partial class RemoteWriteReport(RemoteWriteEndpoint endpoint, TenantId tenant, RemoteWriteMetrics metrics, TimeProvider time, ILogger logger)
{
    private readonly ILogger _logger = logger;
    private readonly Lock _gate = new();
    private long _lostSamples;
    private long _failedAttempts;
    private DateTimeOffset? _lastSuccess;
    private DateTimeOffset? _lastErrorTime;
    private string _lastError = "";

    // An outage starts with the first attempt that must be retried, and ends with the next that is accepted.
    private bool _outage;
    private bool _dropLogged;
    private bool _storeFails;

    public KeyValuePair<string, object?>[] Tags { get; } = [new("tenant", tenant.Value), new("remote_name", endpoint.Name), new("url", endpoint.Url)];

    /// <summary>The parts of the status that are known here.</summary>
    public (long LostSamples, long FailedAttempts, DateTimeOffset? LastSuccess, string LastError, DateTimeOffset? LastErrorTime) Now
    {
        get
        {
            lock (_gate)
                return (_lostSamples, _failedAttempts, _lastSuccess, _lastError, _lastErrorTime);
        }
    }

    public void Attempted(TimeSpan duration) => metrics.SentBatchDuration.Record(duration.TotalSeconds, Tags);

    /// <param name="request">The request as queued.</param>
    /// <param name="sentBytes">The length of the body as sent, in bytes.</param>
    /// <param name="written">What the remote end wrote of it.</param>
    public void Accepted(RemoteWriteRequest request, int sentBytes, WrittenCounts written)
    {
        bool recovered;
        var lost = request.AllSamples - written.AllSamples;
        var error = lost == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"server accepted the request and wrote all but {lost} of its samples");
        lock (_gate)
        {
            _lastSuccess = time.GetUtcNow();
            recovered = _outage;
            _outage = false;
            _dropLogged = false;
            _lostSamples += lost;
            if (lost > 0)
                NoteError(error);
        }

        CountWritten(request, written);
        metrics.Bytes.Add(sentBytes, Tags);
        if (recovered)
            LogRecovered(endpoint.Name, tenant);
        if (lost > 0)
            LogRejected(endpoint.Name, tenant, lost, error);
    }

    public void Rejected(RemoteWriteRequest request, string error, WrittenCounts written)
    {
        var lost = request.AllSamples - written.AllSamples;
        lock (_gate)
        {
            _lostSamples += lost;
            NoteError(error);
        }

        CountWritten(request, written);
        LogRejected(endpoint.Name, tenant, lost, error);
    }

    /// <summary>The remote end does not understand 2.0.</summary>
    public void FellBack(string error) => LogFallback(endpoint.Name, tenant, error);

    public void Retried(RemoteWriteRequest request, string error)
    {
        bool began;
        lock (_gate)
        {
            began = !_outage;
            _outage = true;
            NoteError(error);
        }

        metrics.SamplesRetried.Add(request.Samples, Tags);
        metrics.HistogramsRetried.Add(request.Histograms, Tags);
        if (began)
            LogOutage(endpoint.Name, tenant, error);
    }

    public void DroppedTooOld(long samples)
    {
        if (Dropped(samples, "too_old"))
            LogTooOld(endpoint.Name, tenant, endpoint.Options.QueueConfig.SampleAgeLimit);
    }

    public void DroppedFromMemory(long samples)
    {
        if (Dropped(samples, "queue_full"))
            LogQueueFull(endpoint.Name, tenant, endpoint.Options.QueueConfig.MaxQueueBytes, samples);
    }

    public void DroppedFromStore(long samples)
    {
        if (Dropped(samples, "queue_full"))
            LogStoreQueueFull(endpoint.Name, tenant, endpoint.Options.QueueConfig.MaxDiskBytes, samples);
    }

    /// <summary>Some requests of an object are corrupt.</summary>
    public void Broken(string name, long samples, string reason)
    {
        CountDropped(samples, "corrupt");
        LogBroken(endpoint.Name, tenant, name, samples, reason);
    }

    /// <summary>Another owner has taken over and fenced this one off.</summary>
    public void Followed() => LogFollowed(endpoint.Name, tenant);

    /// <summary>The store already has collections of a later owner.</summary>
    public void NotResumed(string folder) => LogNotResumed(endpoint.Name, tenant, folder);

    public void LostAtStop(long samples) => CountDropped(samples, "shutdown");

    public void RelabelledAway(int series) => Count(metrics.SamplesDropped, series, "dropped_series");

    public void SendingFailed(Exception bug, long samples)
    {
        LogPumpFailed(bug, endpoint.Name, tenant);
        CountDropped(samples, "error");
    }

    /// <summary>A collection could not be put, read or deleted. An exception other than <see cref="IOException"/> may be a bug, and is logged with its stack.</summary>
    public void StoreFailed(string folder, Exception failure)
    {
        bool began;
        lock (_gate)
        {
            began = !_storeFails;
            _storeFails = true;
        }

        metrics.DiskFailures.Add(1, Tags);
        if (began)
            LogStoreFails(failure is IOException ? null : failure, endpoint.Name, tenant, folder, failure.Message);
    }

    /// <summary>A collection was put or read.</summary>
    public void StoreWorks()
    {
        lock (_gate)
        {
            if (!_storeFails)
                return;
            _storeFails = false;
        }

        LogStoreWorks(endpoint.Name, tenant);
    }

    // Returns whether to log the failure.
    private bool Dropped(long samples, string reason)
    {
        if (samples == 0)
            return false;
        bool log;
        lock (_gate)
        {
            log = !_dropLogged;
            _dropLogged = true;
        }

        CountDropped(samples, reason);
        return log;
    }

    private void CountDropped(long samples, string reason)
    {
        lock (_gate)
            _lostSamples += samples;
        Count(metrics.SamplesDropped, samples, reason);
    }

    private void Count(Counter<long> counter, long value, string reason)
    {
        if (value > 0)
            counter.Add(value, [.. Tags, new("reason", reason)]);
    }

    // Samples that were not written have failed for good.
    private void CountWritten(RemoteWriteRequest request, WrittenCounts written)
    {
        metrics.Samples.Add(written.Samples, Tags);
        metrics.Histograms.Add(written.Histograms, Tags);
        metrics.Exemplars.Add(written.Exemplars, Tags);
        metrics.SamplesFailed.Add(request.Samples - written.Samples, Tags);
        metrics.HistogramsFailed.Add(request.Histograms - written.Histograms, Tags);
        metrics.ExemplarsFailed.Add(request.Exemplars - written.Exemplars, Tags);
    }

    // Called under the gate.
    private void NoteError(string error)
    {
        _failedAttempts++;
        _lastError = error;
        _lastErrorTime = time.GetUtcNow();
    }

    [LoggerMessage(1605, LogLevel.Warning, "Remote write to {RemoteName} for tenant {Tenant} fails and is retried until it is accepted: {Reason}")]
    private partial void LogOutage(string remoteName, TenantId tenant, string reason);

    [LoggerMessage(1606, LogLevel.Information, "Remote write to {RemoteName} for tenant {Tenant} is accepted again")]
    private partial void LogRecovered(string remoteName, TenantId tenant);

    [LoggerMessage(1607, LogLevel.Warning, "Remote write to {RemoteName}: the remote end does not understand protobuf_message io.prometheus.write.v2.Request, and is sent prometheus.WriteRequest for an hour (seen for tenant {Tenant}): {Reason}")]
    private partial void LogFallback(string remoteName, TenantId tenant, string reason);

    [LoggerMessage(1608, LogLevel.Error, "Remote write to {RemoteName} for tenant {Tenant} was refused; {Samples} samples are lost: {Reason}")]
    private partial void LogRejected(string remoteName, TenantId tenant, int samples, string reason);

    [LoggerMessage(1609, LogLevel.Error, "The remote write queue to {RemoteName} for tenant {Tenant} exceeds its share of {MaxQueueBytes} bytes; the oldest collections are dropped until the remote end accepts samples again, {Samples} samples so far")]
    private partial void LogQueueFull(string remoteName, TenantId tenant, long maxQueueBytes, long samples);

    [LoggerMessage(1610, LogLevel.Error, "The remote write queue to {RemoteName} for tenant {Tenant} exceeds its share of {MaxDiskBytes} bytes in the object store; the oldest collections are dropped until the remote end accepts samples again, {Samples} samples so far")]
    private partial void LogStoreQueueFull(string remoteName, TenantId tenant, long maxDiskBytes, long samples);

    [LoggerMessage(1611, LogLevel.Warning, "Samples of tenant {Tenant} for {RemoteName} are older than sample_age_limit ({SampleAgeLimit}), and are dropped until the remote end accepts samples again")]
    private partial void LogTooOld(string remoteName, TenantId tenant, TimeSpan sampleAgeLimit);

    [LoggerMessage(1612, LogLevel.Error, "The remote write queue to {RemoteName} for tenant {Tenant} lost {Samples} samples of {Object}, which cannot be read: {Reason}")]
    private partial void LogBroken(string remoteName, TenantId tenant, string @object, long samples, string reason);

    [LoggerMessage(1613, LogLevel.Error, "The object store fails for the remote write queue to {RemoteName} for tenant {Tenant}, in {Folder}. Until it works again, waiting samples stay where they are, and new ones wait in memory, within max_queue_bytes: {Reason}")]
    private partial void LogStoreFails(Exception? exception, string remoteName, TenantId tenant, string folder, string reason);

    [LoggerMessage(1614, LogLevel.Information, "The object store works again for the remote write queue to {RemoteName} for tenant {Tenant}")]
    private partial void LogStoreWorks(string remoteName, TenantId tenant);

    [LoggerMessage(1615, LogLevel.Warning, "Another owner has taken over the remote write queue to {RemoteName} for tenant {Tenant}. It sends what is in the object store; anything only in memory here is lost")]
    private partial void LogFollowed(string remoteName, TenantId tenant);

    [LoggerMessage(1616, LogLevel.Error, "The remote write queue to {RemoteName} for tenant {Tenant} stays in memory: {Folder} holds something of a later owner")]
    private partial void LogNotResumed(string remoteName, TenantId tenant, string folder);

    [LoggerMessage(1617, LogLevel.Critical, "Remote write to {RemoteName} for tenant {Tenant} failed unexpectedly; the rest of the collection is lost")]
    private partial void LogPumpFailed(Exception exception, string remoteName, TenantId tenant);
}
