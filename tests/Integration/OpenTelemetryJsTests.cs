
namespace OrleansTempo.Integration;

/// <summary>The OpenTelemetry SDK and exporters for JavaScript, unmodified, in front of the silo.</summary>
public sealed class OpenTelemetryJsTests(PrometheusFixture prometheus) : IClassFixture<PrometheusFixture>
{
    [NodeFact]
    public Task Exporter_over_grpc_gives_the_right_metrics() => Check("grpc", silo => silo.GrpcEndpoint);

    [NodeFact]
    public Task Exporter_over_http_with_protobuf_gives_the_right_metrics() => Check("proto", silo => new Uri(silo.HttpEndpoint, "/v1/traces"));

    [NodeFact]
    public Task Exporter_over_http_with_json_gives_the_right_metrics() => Check("json", silo => new Uri(silo.HttpEndpoint, "/v1/traces"));

    private async Task Check(string protocol, Func<SiloProcess, Uri> endpoint)
    {
        await using var silo = await SiloProcess.StartAsync(new() { Test = $"js-{protocol}", RemoteWriteUrls = [prometheus.Process.RemoteWriteUrl] });

        var (exitCode, output) = await NodeScripts.RunAsync("send.js", protocol, endpoint(silo).ToString(), "5");

        Assert.True(exitCode == 0, output);
        await CallsOfTwoServices.CheckAsync(silo, prometheus.Process, calls: 5, failed: 0);
    }
}
