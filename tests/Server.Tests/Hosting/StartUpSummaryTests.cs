using OrleansTempo.Core.Configuration;
using OrleansTempo.Core.Configuration.Server;
using OrleansTempo.Server.Hosting;
using OrleansTempo.Server.Tests.Configuration;

namespace OrleansTempo.Server.Tests.Hosting;

public sealed class StartUpSummaryTests
{
    [Theory]
    [InlineData(false, "read traces")]
    [InlineData(true, "read traces, change overrides and shut this process down")]
    public async Task Listeners_exposed_without_client_certificates_are_one_warning_that_says_what_each_allows(bool fromAnywhere, string rights)
    {
        await using var server = await RunningServer.StartAsync(RunningServer.Options with { HttpApi = new() { Endpoint = ":0" }, OtlpGrpc = [new() { Endpoint = "0.0.0.0:0" }] });

        var warning = Assert.Single(Warnings(server, new TempoOptions { Server = new ServerOptions { AdminFromAnywhere = fromAnywhere } }));

        Assert.Equal(
            "Warning: These listeners are not on loopback, and no caller has to sign in: "
            + $"anyone who reaches otlp/grpc on 0.0.0.0:{server.Port("otlp/grpc")} can send spans, and anyone who reaches http api on {server.Server.Addresses["http api"]} can {rights}. "
            + "Restrict the network, or require client certificates (client_ca_file)",
            warning);
    }

    [Fact]
    public async Task If_only_the_API_is_exposed_the_warning_does_not_mention_sending_spans()
    {
        await using var server = await RunningServer.StartAsync(RunningServer.Options with { HttpApi = new() { Endpoint = ":0" } });

        var warning = Assert.Single(Warnings(server, TempoOptions.WithoutFile));

        Assert.Contains($": anyone who reaches http api on {server.Server.Addresses["http api"]} can read traces. ", warning);
        Assert.DoesNotContain("spans", warning);
    }

    [Fact]
    public async Task If_only_OTLP_is_exposed_the_warning_does_not_mention_reading_traces()
    {
        await using var server = await RunningServer.StartAsync(RunningServer.Options with { OtlpGrpc = [new() { Endpoint = "0.0.0.0:0" }], OtlpHttp = [new() { Endpoint = "0.0.0.0:0" }] });

        var warning = Assert.Single(Warnings(server, TempoOptions.WithoutFile));

        Assert.Contains($": anyone who reaches otlp/grpc on 0.0.0.0:{server.Port("otlp/grpc")} or otlp/http on 0.0.0.0:{server.Port("otlp/http")} can send spans. ", warning);
        Assert.DoesNotContain("traces", warning);
    }

    [Fact]
    public async Task Listeners_on_loopback_cause_no_warning()
    {
        await using var server = await RunningServer.StartAsync();
        Assert.Empty(Warnings(server, TempoOptions.WithoutFile));
    }

    private static IEnumerable<string> Warnings(RunningServer server, TempoOptions options)
    {
        var logger = new RecordingLogger<StartUpSummaryTests>();
        StartUpSummary.Write(logger, options, server.Server, [], demo: false);
        return logger.Lines.Where(static line => line.StartsWith("Warning: ", StringComparison.Ordinal));
    }
}
