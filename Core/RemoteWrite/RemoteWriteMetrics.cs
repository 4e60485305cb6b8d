using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using OrleansTempo.Core.RemoteWrite.Queue;

namespace OrleansTempo.Core.RemoteWrite;

/// <summary>
/// The metrics of remote write under Prometheus' names, one instance per process. All take the tags <c>tenant</c>,
/// <c>remote_name</c> and <c>url</c>; gauges are observed from the existing queues.
/// </summary>
public sealed class RemoteWriteMetrics
{
    private readonly ConcurrentDictionary<RemoteWriteQueue, byte> _queues = new();

    public RemoteWriteMetrics(TempoMetrics metrics)
    {
        var meter = metrics.Meter;
        Samples = meter.CreateCounter<long>("prometheus_remote_storage_samples_total", null, "Samples accepted by the remote end");
        Histograms = meter.CreateCounter<long>("prometheus_remote_storage_histograms_total", null, "Native histogram samples accepted by the remote end");
        Exemplars = meter.CreateCounter<long>("prometheus_remote_storage_exemplars_total", null, "Exemplars accepted by the remote end");
        SamplesFailed = meter.CreateCounter<long>("prometheus_remote_storage_samples_failed_total", null, "Samples refused for good by the remote end");
        HistogramsFailed = meter.CreateCounter<long>("prometheus_remote_storage_histograms_failed_total", null, "Native histogram samples refused for good by the remote end");
        ExemplarsFailed = meter.CreateCounter<long>("prometheus_remote_storage_exemplars_failed_total", null, "Exemplars refused for good by the remote end");
        SamplesRetried = meter.CreateCounter<long>("prometheus_remote_storage_samples_retried_total", null, "Samples in failed attempts that will be retried");
        HistogramsRetried = meter.CreateCounter<long>("prometheus_remote_storage_histograms_retried_total", null, "Native histogram samples in failed attempts that will be retried");
        SamplesDropped = meter.CreateCounter<long>("prometheus_remote_storage_samples_dropped_total", null, "Samples not sent, by reason: dropped_series (by relabelling), queue_full, too_old, shutdown, corrupt");
        DiskFailures = meter.CreateCounter<long>("prometheus_remote_storage_disk_failures_total", null, "Failed attempts to write, read or delete a waiting collection in the object store");
        Bytes = meter.CreateCounter<long>("prometheus_remote_storage_bytes_total", null, "Compressed bytes accepted by the remote end");
        SentBatchDuration = meter.CreateHistogram(
            "prometheus_remote_storage_sent_batch_duration_seconds",
            null,
            "Duration of attempts to send in seconds",
            tags: null,
            new InstrumentAdvice<double> { HistogramBucketBoundaries = [.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 25, 60, 120, 300] });
        meter.CreateObservableGauge("prometheus_remote_storage_samples_pending", () => Observe(static q => (double)q.PendingSamples), null, "Samples waiting for the remote end to accept them");
        meter.CreateObservableGauge("prometheus_remote_storage_samples_pending_on_disk", () => Observe(static q => (double)q.PendingSamplesOnDisk), null, "Samples waiting in the object store");
        meter.CreateObservableGauge("prometheus_remote_storage_disk_bytes", () => Observe(static q => (double)q.DiskBytes), null, "Bytes of waiting collections in the object store");
        meter.CreateObservableGauge("prometheus_remote_storage_highest_timestamp_in_seconds", () => Observe(static q => q.HighestTimestampMs / 1000.0), null, "Unix time of the newest collection enqueued, in seconds");
        meter.CreateObservableGauge("prometheus_remote_storage_queue_highest_sent_timestamp_seconds", () => Observe(static q => q.HighestSentTimestampMs / 1000.0), null, "Unix time of the newest collection the remote end accepted, in seconds");
    }

    internal Counter<long> Samples { get; }
    internal Counter<long> Histograms { get; }
    internal Counter<long> Exemplars { get; }
    internal Counter<long> SamplesFailed { get; }
    internal Counter<long> HistogramsFailed { get; }
    internal Counter<long> ExemplarsFailed { get; }
    internal Counter<long> SamplesRetried { get; }
    internal Counter<long> HistogramsRetried { get; }
    internal Counter<long> SamplesDropped { get; }
    internal Counter<long> DiskFailures { get; }
    internal Counter<long> Bytes { get; }
    internal Histogram<double> SentBatchDuration { get; }

    /// <summary>The status of all existing queues, in no particular order.</summary>
    public IReadOnlyList<RemoteWriteStatus> Status() => [.. _queues.Keys.Select(static queue => queue.Status())];

    internal void Add(RemoteWriteQueue queue) => _queues[queue] = 0;

    internal void Remove(RemoteWriteQueue queue) => _queues.TryRemove(queue, out _);

    private IEnumerable<Measurement<double>> Observe(Func<RemoteWriteQueue, double> value) =>
        _queues.Keys.Select(queue => new Measurement<double>(value(queue), queue.Tags));
}
