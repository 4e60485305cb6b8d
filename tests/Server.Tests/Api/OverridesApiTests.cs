using System.Net;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Core;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Server.Configuration.Tenants;
using OrleansTempo.Server.Tests.Configuration;

namespace OrleansTempo.Server.Tests.Api;

/// <summary>Statuses and texts as Tempo's modules/overrides/userconfigurable/api/http.go has them.</summary>
public sealed class OverridesApiTests : IAsyncLifetime
{
    private const string Empty = """{"cost_attribution":{},"metrics_generator":{"processor":{"service_graphs":{},"span_metrics":{},"host_info":{}}}}""";

    private readonly TempoMetrics _metrics = new();
    private readonly InMemoryObjectStore _store = new();
    private readonly List<IAsyncDisposable> _open = [];
    private RunningServer _server = null!;

    public async Task InitializeAsync() => _server = await StartAsync("{enabled: true}");

    public async Task DisposeAsync()
    {
        _open.Reverse();
        foreach (var open in _open)
            await open.DisposeAsync();
        _metrics.Dispose();
    }

    [Fact]
    public async Task What_is_set_is_answered_with_its_version_until_it_is_deleted()
    {
        Assert.Equal((HttpStatusCode.NotFound, "", ""), await SendAsync("GET"));

        var (status, version, body) = await SendAsync("POST", """{"metrics_generator":{"processors":["span-metrics"],"collection_interval":"60s"}}""", "0");
        Assert.Equal((HttpStatusCode.OK, ""), (status, body));
        Assert.NotEqual("", version);
        var expected = """{"cost_attribution":{},"metrics_generator":{"processors":["span-metrics"],"collection_interval":"1m0s","processor":{"service_graphs":{},"span_metrics":{},"host_info":{}}}}""";
        Assert.Equal((HttpStatusCode.OK, version, expected), await SendAsync("GET"));
        Assert.Equal((HttpStatusCode.OK, version, ""), await SendAsync("HEAD"));
        Assert.Equal(["overrides/team-a/overrides.json"], _store.Names);
        Assert.Equal(expected, Encoding.UTF8.GetString(_store[_store.Names[0]]));

        // With the quotes and the mark that proxies put around it.
        var (replaced, next, _) = await SendAsync("POST", "{}", $"W/\"{version}\"");
        Assert.Equal(HttpStatusCode.OK, replaced);
        Assert.NotEqual(version, next);
        Assert.Equal((HttpStatusCode.OK, next, Empty), await SendAsync("GET"));

        Assert.Equal((HttpStatusCode.PreconditionFailed, "", "version does not match\n"), await SendAsync("DELETE", null, version));
        Assert.Equal((HttpStatusCode.OK, "", ""), await SendAsync("DELETE", null, next));
        Assert.Equal((HttpStatusCode.NotFound, "", ""), await SendAsync("GET"));
        Assert.Equal(HttpStatusCode.NotFound, (await SendAsync("DELETE", null, next)).Status);
    }

    [Fact]
    public async Task A_change_names_the_version_that_it_is_of()
    {
        Assert.Equal((HttpStatusCode.PreconditionRequired, "", "must specify If-Match header\n"), await SendAsync("POST", "{}"));
        Assert.Equal((HttpStatusCode.PreconditionRequired, "", "must specify If-Match header\n"), await SendAsync("DELETE"));
        Assert.Equal((HttpStatusCode.PreconditionFailed, "", "version does not match\n"), await SendAsync("POST", "{}", "1"));

        await SendAsync("POST", "{}", "0");
        Assert.Equal((HttpStatusCode.PreconditionFailed, "", "version does not match\n"), await SendAsync("POST", "{}", "0"));
    }

    [Fact]
    public async Task A_patch_needs_no_version_and_answers_with_what_it_made()
    {
        var (status, first, body) = await SendAsync("PATCH", """{"metrics_generator":{"disable_collection":true,"processor":{"span_metrics":{"dimensions":["a"]}}}}""");
        Assert.Equal((HttpStatusCode.OK, true), (status, body.Contains("\"disable_collection\":true")));

        var (again, second, patched) = await SendAsync("PATCH", """{"metrics_generator":{"disable_collection":null,"processor":{"span_metrics":{"enable_target_info":true}}}}""");
        Assert.Equal(HttpStatusCode.OK, again);
        Assert.NotEqual(first, second);
        Assert.Equal("""{"cost_attribution":{},"metrics_generator":{"processor":{"service_graphs":{},"span_metrics":{"dimensions":["a"],"enable_target_info":true},"host_info":{}}}}""", patched);
        Assert.Equal((HttpStatusCode.OK, second, patched), await SendAsync("GET"));
    }

    [Theory]
    [InlineData("POST", """{"metrics_generator":{"max_active_series":1}}""", "metrics_generator.max_active_series: unknown field; ")]
    [InlineData("PATCH", """{"metrics_generator":{"max_active_series":1}}""", "metrics_generator.max_active_series: unknown field; ")]
    [InlineData("POST", """{"metrics_generator":{"processors":["x"]}}""", "metrics_generator.processors[0]: 'x' is not a processor; ")]
    [InlineData("PATCH", """{"metrics_generator":{"processors":["x"]}}""", "metrics_generator.processors[0]: 'x' is not a processor; ")]
    [InlineData("POST", "", "this is not valid JSON: ")]
    [InlineData("PATCH", "{", "this is not valid JSON: ")]
    [InlineData("PATCH", "[]", "overrides must be a JSON object")]
    public async Task What_is_wrong_is_refused_in_words(string method, string body, string problem)
    {
        var (status, _, text) = await SendAsync(method, body, "0");

        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.StartsWith(problem, text);
        Assert.Empty(_store.Names);
    }

    [Fact]
    public async Task A_body_that_is_too_large_is_refused()
    {
        var (status, _, text) = await SendAsync("POST", new string(' ', (1 << 20) + 1), "0");

        Assert.Equal((HttpStatusCode.RequestEntityTooLarge, "the body is too large; the maximum is 1048576 bytes\n"), (status, text));
    }

    [Fact]
    public async Task Parameters_that_are_not_known_are_refused()
    {
        Assert.Equal(
            (HttpStatusCode.BadRequest, "", "unknown scope \"all\", valid options are api and merged\n"), await SendAsync("GET", query: "?scope=all"));
        Assert.Equal(
            (HttpStatusCode.BadRequest, "", "could not parse skip-conflicting-overrides-check, must be a boolean value\n"), await SendAsync("POST", "{}", "0", "?skip-conflicting-overrides-check=maybe"));
    }

    [Fact]
    public async Task The_merged_scope_shows_what_the_operator_has_set_as_well()
    {
        var server = await StartAsync("{enabled: true}", "{metrics_generator: {trace_id_label_name: operators, processors: [service-graphs]}}");
        await SendAsync("POST", """{"metrics_generator":{"processors":["span-metrics"]}}""", "0", server: server);

        var (status, version, merged) = await SendAsync("GET", query: "?scope=merged", server: server);

        Assert.Equal(HttpStatusCode.OK, status);
        Assert.NotEqual("", version);
        Assert.Contains(""""processors":["span-metrics"],"disable_collection":false,"trace_id_label_name":"operators","""", merged);
        Assert.DoesNotContain("operators", (await SendAsync("GET", query: "?scope=api", server: server)).Body);
    }

    [Fact]
    public async Task A_conflict_with_what_the_operator_has_set_is_refused_where_that_is_asked_for()
    {
        var server = await StartAsync("{enabled: true, api: {check_for_conflicting_runtime_overrides: true}}", "{metrics_generator: {processors: [span-metrics], collection_interval: 30s}}");
        const string conflict = "tenant has conflicting overrides set in runtime config, contact your system administrator to perform changes through the API\n";

        Assert.Equal((HttpStatusCode.BadRequest, "", conflict), await SendAsync("POST", "{}", "0", server: server));
        Assert.Equal((HttpStatusCode.BadRequest, "", conflict), await SendAsync("PATCH", "{}", server: server));
        Assert.Equal(HttpStatusCode.OK, (await SendAsync("POST", "{}", "0", "?skip-conflicting-overrides-check=true", server)).Status);

        // What is there already may be changed.
        Assert.Equal(HttpStatusCode.OK, (await SendAsync("PATCH", "{}", server: server)).Status);

        var onlyProcessors = await StartAsync("{enabled: true, api: {check_for_conflicting_runtime_overrides: true}}", "{metrics_generator: {processors: [span-metrics]}}");
        Assert.Equal(HttpStatusCode.OK, (await SendAsync("POST", "{}", "0", server: onlyProcessors, tenant: "team-b")).Status);
    }

    [Fact]
    public async Task What_is_stored_and_broken_is_said_so_and_can_be_replaced()
    {
        var etag = await _store.PutAsync("overrides/team-a/overrides.json", "{"u8.ToArray());

        var (status, version, text) = await SendAsync("GET");

        Assert.Equal((HttpStatusCode.InternalServerError, etag), (status, version));
        Assert.StartsWith("the stored overrides cannot be read; replace them: this is not valid JSON: ", text);
        Assert.StartsWith("the stored overrides cannot be patched; replace them: ", (await SendAsync("PATCH", "{}")).Body);
        Assert.Equal(HttpStatusCode.OK, (await SendAsync("POST", "{}", version)).Status);
        Assert.Equal(Empty, (await SendAsync("GET")).Body);
    }

    [Fact]
    public async Task A_store_that_fails_is_told()
    {
        _store.Before = static (_, _) => Task.FromException(new IOException("no network"));

        foreach (var method in (string[])["GET", "POST", "PATCH", "DELETE"])
        {
            Assert.Equal(
                (HttpStatusCode.ServiceUnavailable, "", "cannot read or write overrides in the object store: no network\n"), await SendAsync(method, method == "GET" ? null : "{}", "0"));
        }
    }

    [Fact]
    public async Task Tenants_are_apart_and_must_be_named()
    {
        await SendAsync("POST", "{}", "0");

        Assert.Equal(HttpStatusCode.NotFound, (await SendAsync("GET", tenant: "team-b")).Status);
        Assert.Equal((HttpStatusCode.Unauthorized, "", "no org id\n"), await SendAsync("GET", tenant: ""));
        Assert.Equal(HttpStatusCode.BadRequest, (await SendAsync("GET", tenant: "a/b")).Status);
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("POST")]
    [InlineData("PATCH")]
    [InlineData("DELETE")]
    public async Task Several_tenants_are_refused(string method)
    {
        var (status, _, error) = await SendAsync(method, method is "POST" or "PATCH" ? "{}" : null, "0", tenant: "team-a|team-b");

        Assert.Equal((HttpStatusCode.BadRequest, "X-Scope-OrgID 'team-a|team-b' names more than one tenant, but this request takes only one. Send one request per tenant\n"), (status, error));
        Assert.Empty(_store.Names);
    }

    [Fact]
    public async Task Without_multitenancy_it_is_about_the_one_tenant_there_is()
    {
        var server = await StartAsync("{enabled: true}", multitenancy: false);

        Assert.Equal(HttpStatusCode.OK, (await SendAsync("POST", "{}", "0", server: server)).Status);

        Assert.Equal(["overrides/single-tenant/overrides.json"], _store.Names);
    }

    [Fact]
    public async Task Other_methods_are_refused_and_without_user_configurable_overrides_there_is_no_such_path()
    {
        using var put = await _server.Client.PutAsync(_server.Api("/api/overrides"), null);
        Assert.Equal((HttpStatusCode.MethodNotAllowed, "send GET or POST or PATCH or DELETE\n"), (put.StatusCode, await put.Content.ReadAsStringAsync()));

        var server = await StartAsync("{enabled: false}");
        Assert.Equal(HttpStatusCode.NotFound, (await SendAsync("POST", "{}", "0", server: server)).Status);
    }

    private async Task<RunningServer> StartAsync(string userConfigurable, string defaults = "{}", bool multitenancy = true)
    {
        var options = ConfigurationText.Options($"overrides: {{user_configurable_overrides: {userConfigurable}, defaults: {defaults}}}");
        ConfiguredOverrides overrides = null!;
        var server = await RunningServer.StartAsync(RunningServer.Options with { MultitenancyEnabled = multitenancy }, parts =>
        {
            Assert.True(ConfiguredOverrides.TryOpen(options, ConfigurationText.NoEnvironment, _metrics, TimeProvider.System, NullLoggerFactory.Instance, NullLogger.Instance, out overrides));
            overrides.OpenUserConfigurableAsync(_store, static (key, _) => throw new ArgumentException(key), default).Wait();
            return parts with { Overrides = overrides };
        });
        _open.AddRange([overrides, server]);
        return server;
    }

    private async Task<(HttpStatusCode Status, string ETag, string Body)> SendAsync(
        string method, string? body = null, string version = "", string query = "", RunningServer? server = null, string tenant = "team-a")
    {
        server ??= _server;
        using var request = new HttpRequestMessage(new HttpMethod(method), server.Api("/api/overrides" + query));
        if (tenant.Length > 0)
            request.Headers.Add("X-Scope-OrgID", tenant);
        if (version.Length > 0)
            request.Headers.TryAddWithoutValidation("If-Match", version);
        if (body is not null)
            request.Content = new StringContent(body);
        using var answer = await server.Client.SendAsync(request);
        return (answer.StatusCode, answer.Headers.NonValidated.TryGetValues("ETag", out var etag) ? etag.ToString() : "", await answer.Content.ReadAsStringAsync());
    }
}
