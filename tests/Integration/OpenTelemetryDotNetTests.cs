using System.Diagnostics;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace OrleansTempo.Integration;

/// <summary>The OpenTelemetry SDK and exporter for .NET, unmodified, in front of the silo.</summary>
public sealed class OpenTelemetryDotNetTests(PrometheusFixture prometheus) : IClassFixture<PrometheusFixture>
{
    [PrometheusFact]
    public Task Exporter_over_grpc_gives_the_right_metrics() =>
        Check("dotnet-grpc", OtlpExportProtocol.Grpc, silo => silo.GrpcEndpoint);

    [PrometheusFact]
    public Task Exporter_over_http_gives_the_right_metrics() =>
        Check("dotnet-http", OtlpExportProtocol.HttpProtobuf, silo => new Uri(silo.HttpEndpoint, "/v1/traces"));

    private async Task Check(string test, OtlpExportProtocol protocol, Func<SiloProcess, Uri> endpoint)
    {
        await using var silo = await SiloProcess.StartAsync(new() { Test = test, RemoteWriteUrls = [prometheus.Process.RemoteWriteUrl] });

        // Sources are named for the test: the two tests' spans must not reach each other's exporter.
        using var web = new ActivitySource($"{test}-web");
        using var shop = new ActivitySource($"{test}-shop");
        using (var webProvider = Provider("web", web.Name))
        using (var shopProvider = Provider("shop", shop.Name))
        {
            for (var call = 0; call < 5; call++)
            {
                using var client = web.StartActivity("GET shop", ActivityKind.Client, default(ActivityContext))!;
                using var server = shop.StartActivity("GET /items", ActivityKind.Server, client.Context)!;
                if (call == 0)
                    server.SetStatus(ActivityStatusCode.Error);
            }

            Assert.True(webProvider.ForceFlush());
            Assert.True(shopProvider.ForceFlush());
        }

        await CallsOfTwoServices.CheckAsync(silo, prometheus.Process, calls: 5, failed: 1);

        TracerProvider Provider(string service, string source) => Sdk.CreateTracerProviderBuilder()
            .SetResourceBuilder(ResourceBuilder.CreateEmpty().AddService(service))
            .AddSource(source)
            .SetSampler(new AlwaysOnSampler())
            .AddOtlpExporter(options =>
            {
                options.Protocol = protocol;
                options.Endpoint = endpoint(silo);
            })
            .Build();
    }
}
