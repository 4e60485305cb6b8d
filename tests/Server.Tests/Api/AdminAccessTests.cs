using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Core;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Server.Api;
using OrleansTempo.Server.Configuration.Tenants;
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
                Assert.Equal("this endpoint answers only callers on the same machine (in a browser there: http://localhost). Set server.admin_from_anywhere: true in the configuration to open it to everyone who can reach this port\n", body);
            }
        }

        Assert.Equal(fromAnywhere ? [] : ["GET /flush", "POST /flush", "GET /shutdown", "POST /shutdown", "POST /api/overrides", "PATCH /api/overrides", "DELETE /api/overrides"], refused);
        Assert.Equal(204, (await AskAsync("POST", "/flush", "10.0.0.7", fromAnywhere)).Status);
    }

    [Theory]
    [InlineData("cross-site", null, 403)]
    [InlineData("same-site", null, 403)]
    [InlineData("same-origin", null, 204)]
    [InlineData("none", null, 204)]
    [InlineData(null, null, 204)]
    [InlineData(null, "http://evil.example", 403)]
    [InlineData(null, "null", 403)]
    [InlineData(null, "http://127.0.0.1:{port}", 204)]
    public async Task A_page_of_another_site_changes_nothing_wherever_its_browser_is(string? site, string? origin, int status)
    {
        var ingester = new RecordingIngester();
        await using var server = await RunningServer.StartAsync(RunningServer.Options with { AdminFromAnywhere = true }, parts => parts with { Ingester = ingester });
        var port = server.Port("http api");
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri($"http://127.0.0.1:{port}/flush"));
        if (site is not null)
            request.Headers.Add("Sec-Fetch-Site", site);
        if (origin is not null)
            request.Headers.Add("Origin", origin.Replace("{port}", $"{port}", StringComparison.Ordinal));

        using var answer = await server.Client.SendAsync(request);

        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal(status == 403 ? 0 : 1, ingester.Flushed.Count);
    }

    [Theory]
    [InlineData("evil.example", "same-origin", true, false)]
    [InlineData("10.0.0.7", null, true, false)]
    [InlineData("127.0.0.1", "none", true, true)]
    [InlineData("localhost", "same-origin", true, true)]
    [InlineData("[::1]", "none", true, true)]
    [InlineData("evil.example", null, false, false)]
    [InlineData("10.0.0.7", null, false, true)]
    [InlineData("localhost", null, false, true)]
    public void A_browser_on_this_machine_is_believed_where_no_other_sites_page_can_be_behind_it(string host, string? site, bool isBrowser, bool isHere)
    {
        var context = Context("POST", "/flush", "10.0.0.7", "10.0.0.7");
        context.Request.Host = new HostString(host, 3200);
        if (site is not null)
            context.Request.Headers["Sec-Fetch-Site"] = site;
        if (isBrowser)
            context.Request.Headers.UserAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36";

        Assert.Equal(isHere, AdminAccess.IsFromThisMachine(context));
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
