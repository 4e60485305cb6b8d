using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OrleansTempo.Core;
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

    private readonly ServiceProvider _noServices = new ServiceCollection().BuildServiceProvider();
    private readonly ProcessMetrics _process = new();
    private readonly MeterProvider _meters;

    public MetricsPage()
    {
        _meters = Sdk.CreateMeterProviderBuilder()
            .AddMeter(TempoMetrics.MeterName, ProcessMetrics.MeterName, PrometheusNames.RuntimeMeter, "Microsoft.Orleans", "Microsoft.AspNetCore.*", "System.Net.*")
            .AddView(Named)
            .AddPrometheusExporter(options =>
            {
                // Names are as Tempo's dashboards know them: some of their counters do not end in _total.
                options.TranslationStrategy = PrometheusAspNetCoreTranslationStrategy.UnderscoreEscapingWithoutSuffixes;
                options.ScopeInfoEnabled = false;
                options.TargetInfoEnabled = false;
                options.ScrapeResponseCacheDurationMilliseconds = 0;
            })
            .Build();
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
        pipeline.Use(static next => context =>
        {
            // As OpenMetrics the exporter writes other bounds (1.0 for 1) and a series more for each counter.
            context.Request.Headers.Accept = "text/plain; version=0.0.4";
            return next(context);
        });
        pipeline.UseOpenTelemetryPrometheusScrapingEndpoint(_meters, static _ => true, path: null, configureBranchedPipeline: null, optionsName: null);
        return pipeline.Build();
    }

    // Our own instruments are named as they shall be; the others in OpenTelemetry's way, without unit and suffix.
    // What .NET says of the process is there under Prometheus' names already.
    private static MetricStreamConfiguration? Named(Instrument instrument) => instrument.Meter.Name switch
    {
        TempoMetrics.MeterName or ProcessMetrics.MeterName => null,
        PrometheusNames.RuntimeMeter when instrument.Name.StartsWith("dotnet.process.", StringComparison.Ordinal) => MetricStreamConfiguration.Drop,
        _ => new MetricStreamConfiguration { Name = PrometheusNames.WithSuffixes(instrument), CardinalityLimit = MaxSeriesOfOthers },
    };
}
