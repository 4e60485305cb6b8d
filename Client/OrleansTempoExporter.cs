using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using OpenTelemetry;

namespace OrleansTempo.Client;

/// <summary>
/// Exports OpenTelemetry's spans through an <see cref="ITempoClient"/>. An export waits for the cluster's acknowledgement, for
/// at most <c>ExporterTimeoutMilliseconds</c>; spans that it cannot send are lost, and logged. Sending is not traced itself, or it would never end.
/// </summary>
public sealed partial class OrleansTempoExporter : BaseExporter<Activity>
{
    private readonly ITempoClient _client;
    private readonly string? _tenant;
    private readonly TimeSpan _timeout;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stopping = new();

    // Held while a batch is exported, for a flush to wait.
    private readonly Lock _exporting = new();

    /// <summary>An exporter for a processor of the application's own; <see cref="OrleansTempoTracing.AddOrleansTempoExporter"/> adds one with its processor.</summary>
    /// <param name="client">Stays the caller's.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <param name="logger">Logs spans that were not stored.</param>
    public OrleansTempoExporter(ITempoClient client, OrleansTempoExporterOptions? options = null, ILogger<OrleansTempoExporter>? logger = null)
    {
        options ??= new OrleansTempoExporterOptions();
        _client = client;
        _tenant = options.Tenant;
        _timeout = TimeSpan.FromMilliseconds(options.BatchExportProcessorOptions.ExporterTimeoutMilliseconds);
        _logger = logger ?? NullLogger<OrleansTempoExporter>.Instance;
    }

    /// <inheritdoc/>
    public override ExportResult Export(in Batch<Activity> batch)
    {
        using var untraced = SuppressInstrumentationScope.Begin();
        using var exporting = _exporting.EnterScope();
        var activities = new List<Activity>((int)batch.Count);
        foreach (var activity in batch)
            activities.Add(activity);

        try
        {
            using var ending = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
            ending.CancelAfter(_timeout);
            var result = _client.IngestAsync(activities, ParentProvider?.GetResource(), _tenant, ending.Token).WaitAsync(ending.Token).GetAwaiter().GetResult();
            if (!result.IsComplete)
                LogRejected(result.RejectedSpans, activities.Count, result.Message);
            return ExportResult.Success;
        }
        catch (OperationCanceledException)
        {
            LogTimeout(activities.Count, _timeout);
            return ExportResult.Failure;
        }
        catch (Exception e)
        {
            // A processor expects a result, whatever happened: an exception would end its thread.
            LogFailure(e, activities.Count, e.Message);
            return ExportResult.Failure;
        }
    }

    /// <inheritdoc/>
    protected override bool OnForceFlush(int timeoutMilliseconds)
    {
        if (!_exporting.TryEnter(timeoutMilliseconds))
            return false;
        _exporting.Exit();
        return true;
    }

    /// <inheritdoc/>
    protected override bool OnShutdown(int timeoutMilliseconds)
    {
        // The processor has exported what it had by now, or has given up waiting for it.
        _stopping.Cancel();
        return true;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _stopping.Dispose();
        base.Dispose(disposing);
    }

    [LoggerMessage(6001, LogLevel.Warning, "The silo rejected {Rejected} of {Spans} spans: {Reason}")]
    private partial void LogRejected(int rejected, int spans, string reason);

    [LoggerMessage(6002, LogLevel.Warning, "Lost {Spans} spans: they could not be sent in {Timeout}, or the application stopped first")]
    private partial void LogTimeout(int spans, TimeSpan timeout);

    [LoggerMessage(6003, LogLevel.Warning, "Lost {Spans} spans: {Reason}")]
    private partial void LogFailure(Exception exception, int spans, string reason);
}
