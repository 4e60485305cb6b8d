using System.Text;
using System.Text.Json.Nodes;
using OrleansTempo.Core;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Configuration.Overrides;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.Tests;
using OrleansTempo.Core.Tests.Objects;
using OrleansTempo.Server.Configuration.Tenants;
using OrleansTempo.Server.Tests.Configuration;
using OrleansTempo.Server.UserOverrides;

namespace OrleansTempo.Server.Tests.UserOverrides;

/// <summary>Two processes on one object store.</summary>
public sealed class UserConfigurableOverridesTests : IAsyncDisposable
{
    private const string Object = "overrides/team-a/overrides.json";

    private static readonly TenantId Tenant = TenantId.TryParse("team-a", out var tenant, out var error) ? tenant : throw new ArgumentException(error);

    private readonly InMemoryObjectStore _store = new();
    private readonly List<IAsyncDisposable> _open = [];
    private readonly TempoMetrics _metrics = new();
    private readonly MetricValues _values;
    private readonly RecordingLogger<UserConfigurableOverrides> _logger = new();
    private readonly ManualTime _time = new();

    public UserConfigurableOverridesTests() => _values = new MetricValues(_metrics);

    public async ValueTask DisposeAsync()
    {
        foreach (var overrides in _open)
            await overrides.DisposeAsync();
        _values.Dispose();
        _metrics.Dispose();
    }

    [Fact]
    public async Task A_change_holds_at_once_where_it_was_made_and_elsewhere_after_the_next_poll()
    {
        var (one, other) = (await OpenAsync(), await OpenAsync());
        var heard = 0;
        one.Overrides.Changed += () => heard++;

        var put = await PutAsync(one, """{"metrics_generator":{"trace_id_label_name":"own"}}""", "0");

        Assert.Equal(ChangeStatus.Done, put.Status);
        Assert.Equal(("own", null, 1), (LabelIn(one), LabelIn(other), heard));
        await other.PollAsync(default);
        Assert.Equal("own", LabelIn(other));

        Assert.Equal(ChangeStatus.Done, (await other.DeleteAsync(Tenant, put.Version, default)).Status);
        Assert.Equal(("own", null), (LabelIn(one), LabelIn(other)));
        await one.PollAsync(default);
        Assert.Null(LabelIn(one));
        Assert.Empty(_store.Names);
    }

    [Fact]
    public async Task Of_two_changes_of_the_same_version_the_second_is_refused()
    {
        var (one, other) = (await OpenAsync(), await OpenAsync());
        var first = await PutAsync(one, "{}", "0");

        Assert.Equal(ChangeStatus.OtherVersion, (await PutAsync(other, "{}", "0")).Status);
        var second = await PutAsync(other, """{"metrics_generator":{"trace_id_label_name":"second"}}""", first.Version);
        Assert.Equal(ChangeStatus.Done, second.Status);
        Assert.Equal(ChangeStatus.OtherVersion, (await PutAsync(one, """{"metrics_generator":{"trace_id_label_name":"third"}}""", first.Version)).Status);
        Assert.Equal(ChangeStatus.OtherVersion, (await one.DeleteAsync(Tenant, first.Version, default)).Status);

        var stored = await one.GetAsync(Tenant, default);
        Assert.Equal((second.Version, true), (stored!.Value.Version, Encoding.UTF8.GetString(_store[Object]).Contains("second")));
        Assert.Equal(ChangeStatus.Done, (await one.DeleteAsync(Tenant, second.Version, default)).Status);
        Assert.Equal(ChangeStatus.NotFound, (await one.DeleteAsync(Tenant, second.Version, default)).Status);
        Assert.Equal(ChangeStatus.OtherVersion, (await PutAsync(one, "{}", second.Version)).Status);
    }

    [Fact]
    public async Task A_change_that_comes_between_reading_and_writing_is_not_overwritten()
    {
        var view = _store.View();
        var (one, other) = (await OpenAsync(view), await OpenAsync());
        var first = await PutAsync(one, "{}", "0");
        var raced = false;
        view.Before = async (operation, _) =>
        {
            if (operation is "PutIfMatch" or "DeleteIfMatch" && !raced)
            {
                raced = true;
                await PutAsync(other, """{"metrics_generator":{"trace_id_label_name":"others"}}""", first.Version);
            }
        };

        Assert.Equal(ChangeStatus.OtherVersion, (await PutAsync(one, """{"metrics_generator":{"disable_collection":true}}""", first.Version)).Status);

        Assert.Contains("others", Encoding.UTF8.GetString(_store[Object]));
    }

    [Fact]
    public async Task A_patch_is_merged_with_what_others_have_set_meanwhile()
    {
        var view = _store.View();
        var (one, other) = (await OpenAsync(view), await OpenAsync());
        var version = (await PutAsync(one, """{"metrics_generator":{"processors":["span-metrics"],"disable_collection":true}}""", "0")).Version;
        var raced = false;
        view.Before = async (operation, _) =>
        {
            if (operation == "PutIfMatch" && !raced)
            {
                raced = true;
                await other.PatchAsync(Tenant, JsonNode.Parse("""{"metrics_generator":{"trace_id_label_name":"others"}}"""), false, default);
            }
        };

        var patched = await one.PatchAsync(Tenant, JsonNode.Parse("""{"metrics_generator":{"disable_collection":null,"collection_interval":"1m"}}"""), false, default);

        Assert.Equal(ChangeStatus.Done, patched.Status);
        Assert.NotEqual(version, patched.Version);
        Assert.StartsWith("""{"cost_attribution":{},"metrics_generator":{"processors":["span-metrics"],"collection_interval":"1m0s","trace_id_label_name":"others","processor":""", Encoding.UTF8.GetString(_store[Object]));
        Assert.Equal("others", LabelIn(one));
    }

    [Fact]
    public async Task A_patch_that_is_overtaken_every_time_gives_up()
    {
        var view = _store.View();
        var one = await OpenAsync(view);
        await PutAsync(one, "{}", "0");
        view.Before = async (operation, name) =>
        {
            if (operation == "PutIfMatch")
                await _store.PutAsync(name, "{}"u8.ToArray());
        };

        Assert.Equal(ChangeStatus.Contended, (await one.PatchAsync(Tenant, JsonNode.Parse("{}"), false, default)).Status);
        Assert.Equal(5, view.Calls["PutIfMatch"]);
    }

    [Fact]
    public async Task A_poll_that_began_before_a_change_does_not_undo_it()
    {
        var view = _store.View();
        var one = await OpenAsync(view);
        var version = (await PutAsync(one, """{"metrics_generator":{"trace_id_label_name":"first"}}""", "0")).Version;
        var changed = false;
        view.After = async (operation, _) =>
        {
            // The poll has read, and the change overtakes it.
            if (operation == "Get" && !changed)
            {
                changed = true;
                await PutAsync(one, """{"metrics_generator":{"trace_id_label_name":"second"}}""", version);
            }
        };

        await one.PollAsync(default);

        Assert.Equal("second", LabelIn(one));
    }

    [Theory]
    [InlineData("{", "this is not valid JSON: ")]
    [InlineData("""{"metrics_generator":{"collection_interval":"1s"}}""", "metrics_generator.collection_interval: '1s' is not allowed; it must be from 15s to 5m")]
    public async Task A_broken_object_keeps_the_last_good_one_is_told_once_and_counted(string broken, string problem)
    {
        var one = await OpenAsync();
        await PutAsync(one, """{"metrics_generator":{"trace_id_label_name":"good"}}""", "0");
        _logger.Lines.Clear();
        await _store.PutAsync(Object, Encoding.UTF8.GetBytes(broken));

        await one.PollAsync(default);
        await one.PollAsync(default);

        Assert.Equal("good", LabelIn(one));
        Assert.StartsWith($"Error: The user-configurable overrides of tenant team-a cannot be used; the previous ones stay in force: {problem}", Assert.Single(_logger.Lines));
        Assert.Equal(2, _values["tempo_overrides_user_configurable_overrides_fetch_failed_total"]);
        Assert.Equal(2, _values["tempo_overrides_user_configurable_overrides_reload_failed_total"]);

        await _store.PutAsync(Object, """{"metrics_generator":{"trace_id_label_name":"better"}}"""u8.ToArray());
        await one.PollAsync(default);
        Assert.Equal("better", LabelIn(one));
    }

    [Fact]
    public async Task A_broken_object_at_the_start_leaves_its_tenant_what_the_operator_has_set_and_the_others_their_own()
    {
        await _store.PutAsync("overrides/team-b/overrides.json", "{"u8.ToArray());
        await _store.PutAsync(Object, """{"metrics_generator":{"trace_id_label_name":"own"}}"""u8.ToArray());

        var one = await OpenAsync();

        Assert.Equal("own", LabelIn(one));
        Assert.Equal([Tenant], one.Overrides.Tenants);
    }

    [Fact]
    public async Task A_store_that_fails_fails_the_start_and_later_changes_nothing()
    {
        var view = _store.View();
        var one = await OpenAsync(view);
        await PutAsync(one, """{"metrics_generator":{"trace_id_label_name":"own"}}""", "0");
        foreach (var operation in (string[])["ListFolders", "Get"])
        {
            view.Before = (called, _) => called == operation ? Task.FromException(new IOException("no network")) : Task.CompletedTask;

            await Assert.ThrowsAsync<IOException>(() => OpenAsync(view));
            await one.PollAsync(default);
            Assert.Equal("own", LabelIn(one));
            Assert.Equal("Error: The user-configurable overrides could not be read again; the previous ones stay in force: no network", _logger.Lines[^1]);
        }

        Assert.Equal(4, _values["tempo_overrides_user_configurable_overrides_reload_failed_total"]);
        Assert.Equal(2, _values["tempo_overrides_user_configurable_overrides_fetch_failed_total"]);
    }

    [Fact]
    public async Task It_is_polled_every_poll_interval_until_the_end()
    {
        var one = await OpenAsync();
        Assert.Equal([TimeSpan.FromMinutes(3)], _time.Periods);
        await _store.PutAsync(Object, """{"metrics_generator":{"trace_id_label_name":"own"}}"""u8.ToArray());
        var heard = new TaskCompletionSource();
        one.Overrides.Changed += heard.SetResult;

        _time.Tick();

        await heard.Task.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal("own", LabelIn(one));
        await one.DisposeAsync();
        _open.Clear();
        Assert.Empty(_time.Periods);
    }

    [Fact]
    public async Task Limits_that_no_longer_go_with_what_the_operator_has_set_give_way_to_it()
    {
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, "overrides: {team-a: {ingestion: {rate_limit_bytes: 1}}}");
            var reload = new ManualTime();
            using var operators = FileOverrides.Open(
                new OverridesOptions { PerTenantOverrideConfig = file }, new MetricsGeneratorOptions(), ConfigurationText.NoEnvironment, _metrics, reload, new RecordingLogger<FileOverrides>()).Value!;
            var one = await OpenAsync(operators: operators);
            await PutAsync(one, """{"metrics_generator":{"processor":{"span_metrics":{"dimensions":["env"]}}}}""", "0");
            _logger.Lines.Clear();

            File.WriteAllText(file, "overrides: {team-a: {ingestion: {rate_limit_bytes: 2}, metrics_generator: {processor: {span_metrics: {dimension_mappings: [{name: env, source_labels: [x]}]}}}}}");
            reload.Tick();

            Assert.Equal(2, one.Overrides.For(Tenant).Ingestion.RateLimitBytes);
            Assert.Null(one.Overrides.For(Tenant).MetricsGenerator.Processor.SpanMetrics.Dimensions);
            Assert.StartsWith(
                "Error: The user-configurable overrides of tenant team-a conflict with what the operator has set for it, which applies without them: metrics_generator: dimension mapping 'env' makes the label 'env'",
                Assert.Single(_logger.Lines));

            File.WriteAllText(file, "overrides: {team-a: {ingestion: {rate_limit_bytes: 3}}}");
            reload.Tick();
            Assert.Equal(3, one.Overrides.For(Tenant).Ingestion.RateLimitBytes);
            Assert.Equal(["env"], one.Overrides.For(Tenant).MetricsGenerator.Processor.SpanMetrics.Dimensions);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static string? LabelIn(UserConfigurableOverrides overrides) => overrides.Overrides.For(Tenant).MetricsGenerator.TraceIdLabelName;

    private static Task<ChangeResult> PutAsync(UserConfigurableOverrides overrides, string json, string version) =>
        overrides.PutAsync(Tenant, TenantLimits.TryParse(Encoding.UTF8.GetBytes(json), out var problems) ?? throw new ArgumentException(problems), version, false, default);

    private async Task<UserConfigurableOverrides> OpenAsync(InMemoryObjectStore? store = null, IOverrides? operators = null)
    {
        var overrides = await UserConfigurableOverrides.OpenAsync(
            new UserConfigurableOverridesOptions { Enabled = true, PollInterval = TimeSpan.FromMinutes(3) },
            new MetricsGeneratorOptions(),
            operators ?? new StaticOverrides(new TenantOverrides()),
            store ?? _store.View(),
            _metrics,
            _time,
            _logger,
            default);
        _open.Add(overrides);
        return overrides;
    }
}
