using OrleansTempo.Integration.Harness;

namespace OrleansTempo.Integration;

/// <summary>The OpenTelemetry SDK and exporters for JavaScript, unmodified, in front of Standalone.</summary>
public sealed class OpenTelemetryJsTests(PrometheusFixture prometheus) : IClassFixture<PrometheusFixture>
{
    [NodeFact]
    public Task Exporter_over_grpc_gives_the_right_metrics() => Check("grpc", standalone => standalone.GrpcEndpoint);

    [NodeFact]
    public Task Exporter_over_http_with_protobuf_gives_the_right_metrics() => Check("proto", standalone => new Uri(standalone.HttpEndpoint, "/v1/traces"));

    [NodeFact]
    public Task Exporter_over_http_with_json_gives_the_right_metrics() => Check("json", standalone => new Uri(standalone.HttpEndpoint, "/v1/traces"));

    private async Task Check(string protocol, Func<StandaloneProcess, Uri> endpoint)
    {
        await using var standalone = await StandaloneProcess.StartAsync(new() { Test = $"js-{protocol}", RemoteWriteUrls = [prometheus.Process.RemoteWriteUrl] });

        var (exitCode, output) = await NodeScripts.RunAsync("send.js", protocol, endpoint(standalone).ToString(), "5");

        Assert.True(exitCode == 0, output);
        await CallsOfTwoServices.CheckAsync(standalone, prometheus.Process, calls: 5, failed: 0);
    }
}
