using System.Diagnostics;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using OrleansTempo.Tests.Otlp;

namespace OrleansTempo.Server.Tests.Receivers;

public class OpenTelemetryExporterTests
{
    [Theory]
    [InlineData(OtlpExportProtocol.HttpProtobuf)]
    [InlineData(OtlpExportProtocol.Grpc)]
    public async Task The_dotnet_exporter_delivers_unmodified(OtlpExportProtocol protocol)
    {
        await using var server = await RunningServer.StartAsync(RunningServer.Options with { MultitenancyEnabled = true });
        var sourceName = $"exporter-{protocol}";
        using var source = new ActivitySource(sourceName);
        using (var provider = Sdk.CreateTracerProviderBuilder()
            .AddSource(sourceName)
            .ConfigureResource(static r => r.AddService("shop"))
            .AddOtlpExporter(o =>
            {
                o.Protocol = protocol;
                o.Endpoint = new(protocol == OtlpExportProtocol.Grpc ? server.Grpc() : server.Otlp());
                o.Headers = "X-Scope-OrgID=team-a";
            })
            .Build())
        {
            for (var i = 0; i < 100; i++)
                source.StartActivity($"work {i}", ActivityKind.Server)?.Stop();
            Assert.True(provider.ForceFlush());
        }

        Assert.All(server.Push.Pushed, static p => Assert.Equal("team-a", p.Tenant.Value));
        var spans = server.Push.Pushed.SelectMany(static p => ExportTraceServiceRequest.Parser.ParseFrom(p.Request).ResourceSpans).SelectMany(static r => r.ScopeSpans).SelectMany(static s => s.Spans);
        Assert.Equal(Enumerable.Range(0, 100).Select(static i => $"work {i}"), spans.Select(static s => s.Name));
    }
}
