using System.Diagnostics;
using OpenTelemetry;

namespace OrleansTempo.Client;

/// <summary>
/// OpenTelemetry's batch processor, whose flush lasts until the cluster has acknowledged the spans: by itself it waits a second
/// at most for an export that has begun.
/// </summary>
internal sealed class OrleansTempoProcessor(BaseExporter<Activity> to, BatchExportProcessorOptions<Activity> options) : BatchActivityExportProcessor(
    to,
    options.MaxQueueSize,
    options.ScheduledDelayMilliseconds,
    options.ExporterTimeoutMilliseconds,
    options.MaxExportBatchSize)
{
    protected override bool OnForceFlush(int timeoutMilliseconds)
    {
        var begun = Stopwatch.GetTimestamp();
        if (!base.OnForceFlush(timeoutMilliseconds))
            return false;
        return exporter.ForceFlush(timeoutMilliseconds == Timeout.Infinite
            ? Timeout.Infinite
            : (int)Math.Max(0, timeoutMilliseconds - Stopwatch.GetElapsedTime(begun).TotalMilliseconds));
    }
}
