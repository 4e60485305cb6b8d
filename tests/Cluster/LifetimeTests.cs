using System.Net;
using System.Net.Sockets;
using OrleansTempo.Cluster.Harness;
using OrleansTempo.Integration.Harness;

namespace OrleansTempo.Cluster;

/// <summary>How the Silo program starts, refuses to start, and stops, as a real process.</summary>
public class LifetimeTests
{
    private const string NoPorts = """
        server:
          http_listen_port: 0
        distributor:
          receivers:
            otlp:
              protocols:
                http:
                  endpoint: 127.0.0.1:0

        """;

    [Fact]
    public async Task Verifying_a_configuration_starts_nothing()
    {
        var (exitCode, output) = await SiloProcess.RunToEndAsync(NoPorts, "--config.verify");
        Assert.Equal((0, "the configuration is valid"), (exitCode, output.Trim()));
    }

    [Fact]
    public async Task A_developers_silo_is_ready_shows_its_dashboard_and_stops_in_order_with_a_few_lines()
    {
        await using var silo = await SiloProcess.StartAsync(new() { Test = "silo-lifetime", Environment = new Dictionary<string, string> { ["DOTNET_ENVIRONMENT"] = "Development" } });
        foreach (var path in new[] { "/ready", "/dashboard", "/dashboard/index.min.js", "/dashboard/DashboardCounters", "/metrics" })
        {
            using var response = await silo.GetAsync(path);
            Assert.Equal((path, HttpStatusCode.OK), (path, response.StatusCode));
        }

        using (var status = await silo.GetAsync("/status/services"))
            Assert.Contains($"Active, as S127.0.0.1:{silo.SiloPort}:", await status.Content.ReadAsStringAsync());

        Assert.Equal(0, await silo.TerminateAsync());
        Assert.Contains("msg=stopped", silo.Log);
        Assert.DoesNotContain("ServerGC", silo.Log);
        Assert.DoesNotContain("level=error", silo.Log);
    }

    [Fact]
    public async Task A_silo_in_production_has_no_dashboard()
    {
        await using var silo = await SiloProcess.StartAsync(new() { Test = "silo-production" });
        using var response = await silo.GetAsync("/dashboard/");
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
    }

    [Theory]
    [InlineData("Orleans__Clustering__ProviderType", "Carrier pigeon", "Carrier pigeon")]
    [InlineData("Orleans__ClusterMembership__ProbeTimeuot", "00:00:01", "ProbeTimeuot")]
    [InlineData("OrleansTempo__Dashbord__Enabled", "true", "Dashbord")]
    [InlineData("Logging__LogLevel__Orleans", "Loud", "Loud")]
    public async Task A_setting_that_cannot_be_is_named_in_one_line(string name, string value, string named)
    {
        var (exitCode, output) = await SiloProcess.RunToEndAsync(NoPorts, new Dictionary<string, string> { [name] = value });
        Assert.Equal(1, exitCode);
        var line = Assert.Single(output.Split('\n'), static l => l.Contains("cannot start: ", StringComparison.Ordinal));
        Assert.Contains(named, line);
    }

    [Fact]
    public async Task A_silo_with_another_number_of_partitions_than_the_others_refuses_to_start()
    {
        using var shared = new TemporaryFolder();
        File.WriteAllText(Path.Combine(shared.Path, "cluster.json"), """{"partitions":8}""");
        var (exitCode, output) = await SiloProcess.RunToEndAsync(
            NoPorts + $"ingester: {{ partitions: 4 }}\nstorage: {{ trace: {{ local: {{ path: {shared.Path} }} }} }}\n");
        Assert.Equal(1, exitCode);
        Assert.Contains("cannot start: ingester.partitions is 4 here and 8 in the other silos", output);
    }

    [Fact]
    public async Task A_port_that_is_taken_is_named_and_the_silo_leaves()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;
        var (exitCode, output) = await SiloProcess.RunToEndAsync(NoPorts.Replace("http_listen_port: 0", $"http_listen_port: {port}", StringComparison.Ordinal));
        Assert.Equal(1, exitCode);
        Assert.Contains("has joined its cluster", output);
        Assert.Matches($"cannot start: .*{port}", output);
    }
}
