using OrleansTempo.Server.Configuration;
using OrleansTempo.Server.Hosting;
using OrleansTempo.Server.Tests.Configuration;

namespace OrleansTempo.Server.Tests.Hosting;

public sealed class StartUpSummaryTests
{
    [Theory]
    [InlineData(false, "send spans and read traces")]
    [InlineData(true, "send spans, read traces, change overrides and shut this process down")]
    public async Task Listeners_that_other_machines_reach_without_a_certificate_are_one_warning_that_names_them(bool fromAnywhere, string rights)
    {
        await using var server = await RunningServer.StartAsync(RunningServer.Options with { HttpApi = new() { Endpoint = ":0" }, OtlpGrpc = [new() { Endpoint = "0.0.0.0:0" }] });

        var warning = Assert.Single(Warnings(server, new TempoOptions { Server = new ServerOptions { AdminFromAnywhere = fromAnywhere } }));

        Assert.Equal(
            $"Warning: Anyone who reaches otlp/grpc on 0.0.0.0:{server.Port("otlp/grpc")}, http api on {server.Server.Addresses["http api"]} can {rights}: these listeners are not on loopback, and no caller has to sign in. "
            + "Restrict the network, or require client certificates (client_ca_file)",
            warning);
    }

    [Fact]
    public async Task Listeners_on_loopback_are_none()
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
