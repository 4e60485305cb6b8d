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
/// The page <c>/metrics</c> of a silo, written by OpenTelemetry's Prometheus exporter: every instrument of <see cref="TempoMetrics"/> under
/// exactly its own name, the process under Prometheus' usual <c>process_</c> names, the runtime under <c>dotnet_</c> names, and the meters
/// of Orleans and ASP.NET.
/// </summary>
internal sealed class MetricsPage : IDisposable
{
    // OpenTelemetry allocates memory for the maximum number of series of a metric at once, 90 bytes each. Ours have a tenant label, and get 2000.
    private const int MaxSeriesOfOthers = 100;

    // Metrics that both the ingester of Tempo 1 and 2 and the live store of Tempo 3 have: one measurement, shown under both names.
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

    /// <param name="metrics">The metrics to show from now on; what was counted before is not on the page.</param>
    public MetricsPage(TempoMetrics metrics)
    {
        _metrics = metrics;
        _meters = Sdk.CreateMeterProviderBuilder()
            .AddMeter(TempoMetrics.MeterName, ProcessMetrics.MeterName, PrometheusNames.RuntimeMeter, "Microsoft.Orleans", "Microsoft.AspNetCore.*", "System.Net.*")
            .AddView(Named)
            .AddView(static instrument => s_liveStoreNames.TryGetValue(instrument.Name, out var name) ? new MetricStreamConfiguration { Name = name } : null)
            .AddPrometheusExporter(options =>
            {
                // Names are those of Tempo's dashboards: some of its counters do not end in _total.
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

    // The exporter is only available as a middleware, so it gets a pipeline of its own.
    private RequestDelegate Pipeline()
    {
        var pipeline = new ApplicationBuilder(_noServices);
        pipeline.Use(next => async context =>
        {
            // As OpenMetrics, the exporter would write other bounds (1.0 for 1) and an additional series for each counter.
            context.Request.Headers.Accept = "text/plain; version=0.0.4";
            await next(context);
            await WriteHistogramsAsync(context.Response);
        });
        pipeline.UseOpenTelemetryPrometheusScrapingEndpoint(_meters, static _ => true, path: null, configureBranchedPipeline: null, optionsName: null);
        return pipeline.Build();
    }

    // Adds the metrics that are not instruments.
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

        // A gzip stream may be followed by another one.
        await using var gzip = new GZipStream(response.Body, CompressionLevel.Fastest, leaveOpen: true);
        await gzip.WriteAsync(Encoding.UTF8.GetBytes(text.ToString()));
    }

    // Our own instruments already have their final names; the others are named in OpenTelemetry's way, without unit and suffix. .NET's
    // metrics of the process are left out, because they are on the page under Prometheus' names.
    private static MetricStreamConfiguration? Named(Instrument instrument) => instrument.Meter.Name switch
    {
        TempoMetrics.MeterName when s_liveStoreNames.ContainsKey(instrument.Name) => new MetricStreamConfiguration(),
        TempoMetrics.MeterName or ProcessMetrics.MeterName => null,
        PrometheusNames.RuntimeMeter when instrument.Name.StartsWith("dotnet.process.", StringComparison.Ordinal) => MetricStreamConfiguration.Drop,
        _ => new MetricStreamConfiguration { Name = PrometheusNames.WithSuffixes(instrument), CardinalityLimit = MaxSeriesOfOthers },
    };
}
