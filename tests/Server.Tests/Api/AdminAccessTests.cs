using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Core;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.Tests.Storage;
using OrleansTempo.Server.Api;
using OrleansTempo.Server.Configuration;
using OrleansTempo.Server.Tests.Configuration;

namespace OrleansTempo.Server.Tests.Api;

public sealed class AdminAccessTests
{
    [Theory]
    [InlineData("127.0.0.1", "127.0.0.1", true)]
    [InlineData("127.9.9.9", "127.0.0.1", true)]
    [InlineData("::1", "::1", true)]
    [InlineData("::ffff:127.0.0.1", "::ffff:127.0.0.1", true)]
    [InlineData("10.0.0.7", "10.0.0.7", true)]
    [InlineData("::ffff:10.0.0.7", "10.0.0.7", true)]
    [InlineData("2001:db8::7", "2001:db8::7", true)]
    [InlineData("10.0.0.8", "10.0.0.7", false)]
    [InlineData("::ffff:10.0.0.8", "::ffff:10.0.0.7", false)]
    [InlineData("2001:db8::8", "2001:db8::7", false)]
    [InlineData("fe80::7%2", "fe80::7%3", false)]
    [InlineData("10.0.0.7", null, false)]
    [InlineData(null, "127.0.0.1", false)]
    [InlineData(null, null, false)]
    public void A_caller_is_on_this_machine_by_the_addresses_of_its_connection(string? remote, string? local, bool isHere) =>
        Assert.Equal(isHere, AdminAccess.IsFromThisMachine(Context("GET", "/", remote, local)));

    [Theory]
    [InlineData("X-Forwarded-For")]
    [InlineData("Forwarded")]
    [InlineData("X-Real-IP")]
    [InlineData("Via")]
    public void What_a_proxy_says_lets_nobody_in_and_keeps_out_whom_it_calls_for(string header)
    {
        var proxied = Context("GET", "/", "127.0.0.1", "127.0.0.1");
        proxied.Request.Headers[header] = "127.0.0.1";
        Assert.False(AdminAccess.IsFromThisMachine(proxied));

        var spoofed = Context("GET", "/", "10.0.0.8", "10.0.0.7");
        spoofed.Request.Headers[header] = "127.0.0.1";
        Assert.False(AdminAccess.IsFromThisMachine(spoofed));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Every_path_that_changes_the_server_is_refused_to_callers_elsewhere_unless_the_configuration_opens_it(bool fromAnywhere)
    {
        var refused = new List<string>();
        foreach (var path in (string[])["/flush", "/shutdown", "/api/overrides", "/status", "/status/config", "/status/overrides", "/status/runtime_config", "/ready", "/generator/metrics", "/api/echo"])
        {
            foreach (var method in (string[])["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
            {
                var (status, body) = await AskAsync(method, path, "10.0.0.8", fromAnywhere);
                if (status != 403)
                    continue;
                refused.Add($"{method} {path}");
                Assert.Equal("this is for callers on the same machine alone; server.admin_from_anywhere: true in the configuration opens it to everyone who reaches this port\n", body);
            }
        }

        Assert.Equal(fromAnywhere ? [] : ["GET /flush", "POST /flush", "GET /shutdown", "POST /shutdown", "POST /api/overrides", "PATCH /api/overrides", "DELETE /api/overrides"], refused);
        Assert.Equal(204, (await AskAsync("POST", "/flush", "10.0.0.7", fromAnywhere)).Status);
    }

    [Theory]
    [InlineData("cross-site", 403)]
    [InlineData("same-site", 403)]
    [InlineData("same-origin", 204)]
    [InlineData("none", 204)]
    [InlineData(null, 204)]
    public async Task A_page_of_another_site_in_a_browser_on_this_machine_changes_nothing(string? site, int status)
    {
        var ingester = new RecordingIngester();
        await using var server = await RunningServer.StartAsync(RunningServer.Options with { AdminFromAnywhere = true }, parts => parts with { Ingester = ingester });
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri($"http://127.0.0.1:{server.Port("http api")}/flush"));
        if (site is not null)
            request.Headers.Add("Sec-Fetch-Site", site);

        using var answer = await server.Client.SendAsync(request);

        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal(status == 403 ? 0 : 1, ingester.Flushed.Count);
    }

    [Fact]
    public async Task Calls_over_loopback_and_from_an_address_of_this_machine_itself_reach_a_listener_on_all_addresses()
    {
        var ingester = new RecordingIngester();
        await using var server = await RunningServer.StartAsync(RunningServer.Options with { HttpApi = new() { Endpoint = ":0" } }, parts => parts with { Ingester = ingester });
        IPAddress[] addresses = [IPAddress.Loopback, .. OwnAddresses().Take(1)];
        foreach (var address in addresses)
        {
            using var answer = await server.Client.PostAsync(new Uri($"http://{address}:{server.Port("http api")}/flush"), null);
            Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        }

        Assert.Equal(addresses.Length, ingester.Flushed.Count);
    }

    private static IEnumerable<IPAddress> OwnAddresses() => NetworkInterface.GetAllNetworkInterfaces()
        .Where(static n => n.OperationalStatus == OperationalStatus.Up)
        .SelectMany(static n => n.GetIPProperties().UnicastAddresses)
        .Select(static a => a.Address)
        .Where(static a => a.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(a));

    private static async Task<(int Status, string Body)> AskAsync(string method, string path, string caller, bool fromAnywhere)
    {
        using var metrics = new TempoMetrics();
        var options = ConfigurationText.Options("overrides: {user_configurable_overrides: {enabled: true}}");
        ConfiguredOverrides.TryOpen(options, ConfigurationText.NoEnvironment, metrics, TimeProvider.System, NullLoggerFactory.Instance, NullLogger.Instance, out var overrides);
        await using var opened = overrides;
        await overrides.OpenUserConfigurableAsync(new InMemoryObjectStore(), static (_, _) => throw new InvalidOperationException(), CancellationToken.None);
        var parts = new TempoServerParts { Push = new RecordingPush(), Series = new FixedSeries(), Metrics = metrics, RequestMemory = new RequestMemory(long.MaxValue), Ingester = new RecordingIngester(), Overrides = overrides };
        var api = new HttpApi(RunningServer.Options with { AdminFromAnywhere = fromAnywhere }, parts, new ServerState(), static () => new Dictionary<string, EndPoint>());
        using var body = new MemoryStream();
        var context = Context(method, path, caller, "10.0.0.7");
        context.Response.Body = body;
        await api.HandleAsync(context);
        return (context.Response.StatusCode, Encoding.UTF8.GetString(body.ToArray()));
    }

    private static DefaultHttpContext Context(string method, string path, string? remote, string? local)
    {
        var context = new DefaultHttpContext();
        context.Request.Method = method;
        context.Request.Path = path;
        context.Connection.RemoteIpAddress = remote is null ? null : IPAddress.Parse(remote);
        context.Connection.LocalIpAddress = local is null ? null : IPAddress.Parse(local);
        return context;
    }
}
