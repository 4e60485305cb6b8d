using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Core;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Tests;
using OrleansTempo.Core.Tests.Objects;
using OrleansTempo.Server.Configuration.Tenants;
using OrleansTempo.Server.Tests.Configuration;

namespace OrleansTempo.Server.Tests.Api;

public sealed class OverridesPagesTests : IAsyncLifetime
{
    private readonly string _file = Path.GetTempFileName();
    private readonly TempoMetrics _metrics = new();
    private readonly InMemoryObjectStore _store = new();
    private ConfiguredOverrides _overrides = null!;
    private RunningServer _server = null!;

    public async Task InitializeAsync()
    {
        File.WriteAllText(_file,
            """
            overrides:
              team-a:
                ingestion: {rate_limit_bytes: 17}
                metrics_generator: {remote_write_headers: {X-Token: hidden}}
              "*":
                metrics_generator: {max_active_series: 5}
            """);
        await _store.PutAsync("overrides/team-b/overrides.json", """{"metrics_generator":{"trace_id_label_name":"<b>"}}"""u8.ToArray());
        await _store.PutAsync("overrides/team-c/overrides.json", """{"metrics_generator":{"trace_id_label_name":"own"}}"""u8.ToArray());
        var options = ConfigurationText.Options($"overrides: {{per_tenant_override_config: '{_file}', user_configurable_overrides: {{enabled: true}}, defaults: {{metrics_generator: {{max_active_series: 4}}}}}}");
        _server = await RunningServer.StartAsync(adapt: parts =>
        {
            Assert.True(ConfiguredOverrides.TryOpen(options, ConfigurationText.NoEnvironment, _metrics, TimeProvider.System, NullLoggerFactory.Instance, NullLogger.Instance, out _overrides));
            _overrides.OpenUserConfigurableAsync(_store, static (key, _) => throw new ArgumentException(key), default).Wait();
            return parts with { Overrides = _overrides };
        });
    }

    public async Task DisposeAsync()
    {
        await _server.DisposeAsync();
        await _overrides.DisposeAsync();
        _metrics.Dispose();
        File.Delete(_file);
    }

    [Fact]
    public async Task The_tenants_with_overrides_are_listed_as_HTML_or_JSON()
    {
        var html = await _server.Client.GetStringAsync(_server.Api("/status/overrides"));
        Assert.Contains("""<tr><td><a href="overrides/team-a">team-a</a></td><td>x</td><td></td></tr>""", html);
        Assert.Contains("""<tr><td><a href="overrides/team-c">team-c</a></td><td></td><td>x</td></tr>""", html);

        var json = await JsonAsync("/status/overrides");
        Assert.Equal(
            """[{"name":"*","has_runtime_overrides":true,"has_user_configurable_overrides":false},{"name":"team-a","has_runtime_overrides":true,"has_user_configurable_overrides":false},{"name":"team-c","has_runtime_overrides":false,"has_user_configurable_overrides":true}]""",
            json["tenants"]!.ToJsonString());
    }

    [Theory]
    [InlineData("team-a", "team-a", "No user-configurable overrides set", "rate_limit_bytes: 17\n")]
    [InlineData("team-c", "*", "\"trace_id_label_name\": \"own\"", "max_active_series: 5\n")]
    [InlineData("*", "*", "No user-configurable overrides set", "max_active_series: 5\n")]
    public async Task A_tenants_page_shows_both_and_where_the_operators_come_from(string tenant, string source, string own, string operators)
    {
        var json = await JsonAsync("/status/overrides/" + tenant);

        Assert.Equal((tenant, source), ((string?)json["tenant"], (string?)json["using_default_or_wildcard_runtime_overrides"]));
        Assert.Contains(own, (string?)json["user_configurable_overrides"]);
        Assert.Contains(operators, ((string?)json["runtime_overrides"])!.ReplaceLineEndings("\n"));
        Assert.DoesNotContain("own", (string?)json["runtime_overrides"]);

        var html = await _server.Client.GetStringAsync(_server.Api("/status/overrides/" + tenant));
        Assert.Contains($"Source of runtime overrides: <strong>{source}</strong>", html);
    }

    [Fact]
    public async Task What_holds_is_shown_with_secrets_masked()
    {
        Assert.Contains("trace_id_label_name: own\n", ((string?)(await JsonAsync("/status/overrides/team-c"))["in_effect"])!.ReplaceLineEndings("\n"));

        var html = await _server.Client.GetStringAsync(_server.Api("/status/overrides/team-a"));
        Assert.Contains("X-Token: &lt;secret&gt;", html);
        Assert.DoesNotContain("hidden", html);
        Assert.DoesNotContain("hidden", await _server.Client.GetStringAsync(_server.Api("/status/runtime_config")));
    }

    [Fact]
    public async Task A_name_that_is_no_tenants_is_refused()
    {
        using var answer = await _server.Client.GetAsync(_server.Api("/status/overrides/a%3Cb"));

        Assert.Equal(System.Net.HttpStatusCode.BadRequest, answer.StatusCode);
    }

    [Fact]
    public async Task The_file_is_shown_whole_or_as_far_as_it_differs_from_the_defaults()
    {
        var whole = await _server.Client.GetStringAsync(_server.Api("/status/runtime_config"));
        var difference = await _server.Client.GetStringAsync(_server.Api("/status/runtime_config?mode=diff"));

        Assert.StartsWith("---\ndefaults:\n  ingestion:\n    rate_limit_bytes: 30000000\n", whole.ReplaceLineEndings("\n"));
        Assert.Contains("\noverrides:\n  '*':\n", whole.ReplaceLineEndings("\n").Replace('"', '\''));
        Assert.Equal(
            "---\noverrides:\n  '*':\n    metrics_generator:\n      max_active_series: 5\n  team-a:\n    ingestion:\n      rate_limit_bytes: 17\n    metrics_generator:\n      remote_write_headers:\n        X-Token: <secret>\n",
            difference.ReplaceLineEndings("\n").Replace('"', '\''));
    }

    [Fact]
    public async Task Limits_are_shown_as_own_metrics()
    {
        using var values = new MetricValues(_metrics);
        Assert.Equal(4, values["tempo_limits_defaults{metrics_generator_max_active_series}"]);
        Assert.Equal(17, values["tempo_limits_overrides{ingestion_rate_limit_bytes,team-a}"]);
    }

    private async Task<JsonObject> JsonAsync(string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, _server.Api(path));
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        using var answer = await _server.Client.SendAsync(request);
        Assert.Equal("application/json", answer.Content.Headers.ContentType!.MediaType);
        return (JsonObject)JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
    }
}
