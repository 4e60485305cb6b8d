using System.Net;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Harness.Machines;

namespace OrleansTempo.Integration;

/// <summary>A real silo whose file says nothing of where its API listens, called from this machine and from another.</summary>
public sealed class OtherMachineTests
{
    [OtherMachineFact]
    public async Task Callers_on_other_machines_reach_the_API_and_nothing_that_is_an_operators()
    {
        await using var silo = await SiloProcess.StartAsync(new()
        {
            Test = "other-machine",
            HttpListenAddress = "",
            UserConfigurableOverrides = "enabled: true",
            Environment = new Dictionary<string, string> { ["OrleansTempo__Dashboard__Enabled"] = "true" },
        });
        await using var network = await MachineNetwork.StartAsync();
        var other = await network.AddAsync();

        foreach (var path in (string[])["/ready", "/status/config", "/metrics"])
            Assert.Equal(HttpStatusCode.OK, (await other.CallAsync("GET", silo.ApiPort, path)).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await other.CallAsync("GET", silo.ApiPort, "/api/overrides")).Status);

        foreach (var call in (string[])["POST /flush", "GET /flush", "POST /shutdown", "GET /shutdown", "POST /api/overrides", "PATCH /api/overrides", "DELETE /api/overrides", "GET /dashboard", "GET /dashboard/index.js"])
        {
            var (method, path) = (call.Split(' ')[0], call.Split(' ')[1]);
            foreach (var header in (string[])["", "X-Forwarded-For: 127.0.0.1", $"Forwarded: for={other.ThisMachine}"])
            {
                var (status, body) = await other.CallAsync(method, silo.ApiPort, path, header);
                Assert.Equal((call, HttpStatusCode.Forbidden), (call, status));
                Assert.Contains("server.admin_from_anywhere: true", body);
            }
        }

        // From the same address that it calls, which is this machine's.
        using var http = new HttpClient();
        foreach (var host in (string[])["127.0.0.1", "[::1]", other.ThisMachine.ToString()])
        {
            using var flushed = await http.PostAsync(new Uri($"http://{host}:{silo.ApiPort}/flush"), null);
            Assert.Equal((host, HttpStatusCode.NoContent), (host, flushed.StatusCode));
            using var dashboard = await http.GetAsync(new Uri($"http://{host}:{silo.ApiPort}/dashboard"));
            Assert.Equal((host, HttpStatusCode.OK), (host, dashboard.StatusCode));
        }

        var warning = Assert.Single(silo.Log.Split('\n'), static line => line.Contains("level=warn", StringComparison.Ordinal) && line.Contains("can read traces", StringComparison.Ordinal));
        Assert.Contains($"http api on [::]:{silo.ApiPort}", warning);
        Assert.DoesNotContain("otlp", warning);
    }
}
