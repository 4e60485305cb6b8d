using System.Diagnostics.Metrics;
using System.IO.Compression;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OrleansTempo.Core;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Server.Api;
using OrleansTempo.Server.Exposition;

namespace OrleansTempo.Silo.Exposition;

/// <summary>
/// A silo's <c>/metrics</c>, by OpenTelemetry's Prometheus exporter: every instrument of a <see cref="TempoMetrics"/> under exactly its own name,
/// the process under Prometheus' usual <c>process_</c> names, the runtime under <c>dotnet_</c> names, and Orleans' and ASP.NET's meters as well.
/// </summary>
internal sealed class MetricsPage : IDisposable
{
    // OpenTelemetry takes the memory for as many series as a metric may have at once, 90 bytes each; of ours, which have a label for the tenant, 2000.
    private const int MaxSeriesOfOthers = 100;

    // What the ingester of Tempo 1 and 2 and the live store of Tempo 3 both have: one measurement, shown under both names.
    private static readonly Dictionary<string, string> s_liveStoreNames = new()
    {
        ["tempo_ingester_live_traces"] = "tempo_live_store_live_traces",
        ["tempo_ingester_live_trace_bytes"] = "tempo_live_store_live_trace_bytes",
        ["tempo_ingester_traces_created_total"] = "tempo_live_store_traces_created_total",
        ["tempo_ingester_bytes_received_total"] = "tempo_live_store_bytes_received_total",
        ["tempo_ingester_flush_queue_length"] = "tempo_live_store_complete_queue_length",
        ["tempo_ingester_blocks_flushed_total"] = "tempo_live_store_blocks_completed_total",
        ["tempo_ingester_failed_flushes_total"] = "tempo_live_store_failed_completions_total",
        ["tempo_ingester_flush_retries_total"] = "tempo_live_store_completion_retries_total",
        ["tempo_ingester_flush_failed_retries_total"] = "tempo_live_store_completion_failed_retries_total",
        ["tempo_ingester_flush_duration_seconds"] = "tempo_live_store_completion_duration_seconds",
        ["tempo_ingester_flush_size_bytes"] = "tempo_live_store_completion_size_bytes",
    };

    private readonly ServiceProvider _noServices = new ServiceCollection().BuildServiceProvider();
    private readonly TempoMetrics _metrics;
    private readonly ProcessMetrics _process = new();
    private readonly MeterProvider _meters;

    /// <param name="metrics">Shown from now on; what was counted before is not on the page.</param>
    public MetricsPage(TempoMetrics metrics)
    {
        _metrics = metrics;
        _meters = Sdk.CreateMeterProviderBuilder()
            .AddMeter(TempoMetrics.MeterName, ProcessMetrics.MeterName, PrometheusNames.RuntimeMeter, "Microsoft.Orleans", "Microsoft.AspNetCore.*", "System.Net.*")
            .AddView(Named)
            .AddView(static instrument => s_liveStoreNames.TryGetValue(instrument.Name, out var name) ? new MetricStreamConfiguration { Name = name } : null)
            .AddPrometheusExporter(options =>
            {
                // Names are as Tempo's dashboards know them: some of their counters do not end in _total.
                options.TranslationStrategy = PrometheusAspNetCoreTranslationStrategy.UnderscoreEscapingWithoutSuffixes;
                options.ScopeInfoEnabled = false;
                options.TargetInfoEnabled = false;
                options.ScrapeResponseCacheDurationMilliseconds = 0;
            })
            .Build();
        metrics.CountFromZero();
        Route = new ApiRoute("/metrics", "own metrics", Pipeline());
    }

    public ApiRoute Route { get; }

    public void Dispose()
    {
        _meters.Dispose();
        _process.Dispose();
        _noServices.Dispose();
    }

    // The exporter is a middleware and nothing else: a pipeline of it alone.
    private RequestDelegate Pipeline()
    {
        var pipeline = new ApplicationBuilder(_noServices);
        pipeline.Use(next => async context =>
        {
            // As OpenMetrics the exporter writes other bounds (1.0 for 1) and a series more for each counter.
            context.Request.Headers.Accept = "text/plain; version=0.0.4";
            await next(context);
            await WriteHistogramsAsync(context.Response);
        });
        pipeline.UseOpenTelemetryPrometheusScrapingEndpoint(_meters, static _ => true, path: null, configureBranchedPipeline: null, optionsName: null);
        return pipeline.Build();
    }

    // Those that are no instruments.
    private async Task WriteHistogramsAsync(HttpResponse response)
    {
        if (response.StatusCode != StatusCodes.Status200OK)
            return;
        var text = new StringBuilder();
        _metrics.RequestDuration.WriteTo(text);
        _metrics.SpansInFuture.WriteTo(text);
        _metrics.SpansInPast.WriteTo(text);
        if (!string.Equals(response.Headers.ContentEncoding, "gzip", StringComparison.OrdinalIgnoreCase))
        {
            await response.WriteAsync(text.ToString());
            return;
        }

        // What is gzipped may be followed by more that is.
        await using var gzip = new GZipStream(response.Body, CompressionLevel.Fastest, leaveOpen: true);
        await gzip.WriteAsync(Encoding.UTF8.GetBytes(text.ToString()));
    }

    // Our own instruments are named as they shall be; the others in OpenTelemetry's way, without unit and suffix.
    // What .NET says of the process is there under Prometheus' names already.
    private static MetricStreamConfiguration? Named(Instrument instrument) => instrument.Meter.Name switch
    {
        TempoMetrics.MeterName when s_liveStoreNames.ContainsKey(instrument.Name) => new MetricStreamConfiguration(),
        TempoMetrics.MeterName or ProcessMetrics.MeterName => null,
        PrometheusNames.RuntimeMeter when instrument.Name.StartsWith("dotnet.process.", StringComparison.Ordinal) => MetricStreamConfiguration.Drop,
        _ => new MetricStreamConfiguration { Name = PrometheusNames.WithSuffixes(instrument), CardinalityLimit = MaxSeriesOfOthers },
    };
}
