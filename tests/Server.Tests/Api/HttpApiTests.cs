using System.Net;
using System.Text.Json.Nodes;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Server.Api;
using OrleansTempo.Server.Configuration.Pages;
using OrleansTempo.Server.Tests.Configuration;

namespace OrleansTempo.Server.Tests.Api;

public class HttpApiTests
{
    [Fact]
    public async Task Ready_follows_the_server_through_its_life()
    {
        await using var server = await RunningServer.StartAsync(ready: false);
        using var starting = await server.Client.GetAsync(server.Api("/ready"));
        server.Server.MarkReady();
        using var ready = await server.Client.GetAsync(server.Api("/ready"));
        server.Server.BeginStopping();
        server.Server.MarkReady();
        using var stopping = await server.Client.GetAsync(server.Api("/ready"));

        Assert.Equal((HttpStatusCode.ServiceUnavailable, "starting\n"), (starting.StatusCode, await starting.Content.ReadAsStringAsync()));
        Assert.Equal((HttpStatusCode.OK, "ready\n"), (ready.StatusCode, await ready.Content.ReadAsStringAsync()));
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "shutting down\n"), (stopping.StatusCode, await stopping.Content.ReadAsStringAsync()));
    }

    [Fact]
    public async Task Status_shows_version_services_endpoints_and_configuration()
    {
        await using var server = await RunningServer.StartAsync(adapt: static parts => parts with { ConfigText = static () => "server: {}\n", Services = static () => [new("distributor", "Running")] });
        var all = await server.Client.GetStringAsync(server.Api("/status"));

        Assert.Contains("GET /status/version\nOrleansTempo 0.1.0", all);
        Assert.Contains("GET /status/services\ndistributor              Running\n", all);
        Assert.Contains($"otlp/http                listens on 127.0.0.1:{server.Port("otlp/http")}\n", all);
        Assert.Contains("/generator/metrics       a tenant's generated series\n", all);
        Assert.EndsWith("# GET /status/config\n---\nserver: {}\n", all);
        foreach (var page in new[] { "version", "services", "endpoints", "config" })
            Assert.Contains(await server.Client.GetStringAsync(server.Api("/status/" + page)), all);
    }

    [Fact]
    public async Task The_page_of_the_configuration_is_read_as_a_configuration_file_and_gives_the_same_options()
    {
        var options = ConfigurationText.Options("multitenancy_enabled: true\nserver: {http_listen_port: 3201}");
        await using var server = await RunningServer.StartAsync(adapt: parts => parts with { ConfigText = () => ConfigurationPage.Render(options) });

        Assert.Equal(options, ConfigurationText.Options(await server.Client.GetStringAsync(server.Api("/status/config"))));
    }

    [Fact]
    public async Task The_prefix_is_for_paths_under_api_alone()
    {
        await using var server = await RunningServer.StartAsync(RunningServer.Options with { HttpApiPrefix = "/tempo" });
        Assert.Equal("echo", await server.Client.GetStringAsync(server.Api("/tempo/api/echo")));
        Assert.Equal("ready\n", await server.Client.GetStringAsync(server.Api("/ready")));
        using var without = await server.Client.GetAsync(server.Api("/api/echo"));
        Assert.Equal(HttpStatusCode.NotFound, without.StatusCode);
    }

    [Fact]
    public async Task Build_information_has_the_keys_of_tempo()
    {
        await using var server = await RunningServer.StartAsync();
        var info = JsonNode.Parse(await server.Client.GetStringAsync(server.Api("/api/status/buildinfo")))!.AsObject();
        Assert.Equal("0.1.0", info["version"]!.GetValue<string>());
        Assert.Equal(["version", "revision", "branch", "buildUser", "buildDate", "goVersion"], info.Select(static p => p.Key));
    }

    [Fact]
    public async Task A_host_can_add_paths_and_replace_those_there()
    {
        await using var server = await RunningServer.StartAsync(adapt: static parts => parts with
        {
            Routes =
            [
                new ApiRoute("/api/echo", "replaced", static context => Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(context.Response, "other")),
                new ApiRoute("/fail", "fails", static _ => throw new InvalidOperationException("secret")),
            ],
        });
        Assert.Equal("other", await server.Client.GetStringAsync(server.Api("/api/echo")));
        using var failing = await server.Client.GetAsync(server.Api("/fail"));
        Assert.Equal((HttpStatusCode.InternalServerError, "internal error\n"), (failing.StatusCode, await failing.Content.ReadAsStringAsync()));
    }

    [Fact]
    public async Task A_route_can_take_all_paths_below_it_that_have_none_of_their_own()
    {
        await using var server = await RunningServer.StartAsync(adapt: static parts => parts with
        {
            Routes = [Echo("/pages/{**}"), Echo("/pages/{name}"), Echo("/pages/exact")],
        });
        foreach (var (path, route) in new[] { ("/pages/", "/pages/{**}"), ("/pages/a/b.css", "/pages/{**}"), ("/pages/a/", "/pages/{**}"), ("/pages/a", "/pages/{name}"), ("/pages/exact", "/pages/exact") })
            Assert.Equal(route, await server.Client.GetStringAsync(server.Api(path)));
        foreach (var path in new[] { "/pages", "/pagesandmore", "/other/pages/a/b" })
        {
            using var other = await server.Client.GetAsync(server.Api(path));
            Assert.Equal(HttpStatusCode.NotFound, other.StatusCode);
        }

        static ApiRoute Echo(string path) => new(path, "says its route", context => Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(context.Response, path));
    }

    [Fact]
    public async Task A_ready_server_of_a_process_that_is_not_says_why()
    {
        string? reason = "the silo is Joining";
        await using var server = await RunningServer.StartAsync(adapt: parts => parts with { NotReadyBecause = () => reason });
        using var not = await server.Client.GetAsync(server.Api("/ready"));
        reason = null;
        using var ready = await server.Client.GetAsync(server.Api("/ready"));

        Assert.Equal((HttpStatusCode.ServiceUnavailable, "the silo is Joining\n"), (not.StatusCode, await not.Content.ReadAsStringAsync()));
        Assert.Equal((HttpStatusCode.OK, "ready\n"), (ready.StatusCode, await ready.Content.ReadAsStringAsync()));
    }

    [Fact]
    public async Task Other_methods_and_paths_are_refused_and_head_has_no_body()
    {
        await using var server = await RunningServer.StartAsync();
        using var post = await server.Client.PostAsync(server.Api("/ready"), null);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, post.StatusCode);
        using var other = await server.Client.GetAsync(server.Api("/nothing"));
        Assert.Equal(HttpStatusCode.NotFound, other.StatusCode);
        foreach (var path in new[] { "/ready", "/status", "/api/status/buildinfo" })
        {
            using var head = await server.Client.SendAsync(new HttpRequestMessage(HttpMethod.Head, server.Api(path)));
            Assert.Equal(HttpStatusCode.OK, head.StatusCode);
            Assert.Empty(await head.Content.ReadAsByteArrayAsync());
        }
    }
}
