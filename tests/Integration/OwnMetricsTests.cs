using System.Net;
using System.Text.RegularExpressions;
using OrleansTempo.Core.Blocks.Compaction;

namespace OrleansTempo.Integration;

/// <summary>The page <c>/metrics</c> of a silo that has had something to do, beside what the documentation lists and what Tempo's mixin looks for.</summary>
public sealed partial class OwnMetricsTests
{
    // operations/tempo-mixin-compiled of grafana/tempo, commit ad33aa8: metrics of dashboards, alerts and rules that this program has something to say of, each with its type and
    // the labels that an expression selects or groups by, but for those that a scrape gives.
    private static readonly string[] s_wanted =
    [
        "tempo_build_info gauge",
        "tempo_distributor_bytes_received_total counter tenant",
        "tempo_distributor_metrics_generator_pushes_failures_total counter",
        "tempo_distributor_push_duration_seconds histogram",
        "tempo_distributor_queue_length gauge",
        "tempo_distributor_spans_received_total counter tenant",
        "tempo_limits_defaults gauge limit_name",
        "tempo_limits_overrides gauge limit_name user",
        "tempo_live_store_blocks_completed_total counter",
        "tempo_live_store_blocks_cut_total counter reason",
        "tempo_live_store_bytes_received_total counter tenant",
        "tempo_live_store_catch_up_duration_seconds gauge",
        "tempo_live_store_complete_queue_length gauge",
        "tempo_live_store_completion_duration_seconds histogram",
        "tempo_live_store_completion_retries_total counter",
        "tempo_live_store_completion_size_bytes histogram",
        "tempo_live_store_failed_completions_total counter",
        "tempo_live_store_live_trace_bytes gauge tenant",
        "tempo_live_store_live_traces gauge tenant",
        "tempo_live_store_ready gauge",
        "tempo_live_store_traces_created_total counter tenant",
        "tempo_metrics_generator_bytes_received_total counter tenant",
        "tempo_metrics_generator_processor_service_graphs_dropped_spans counter tenant",
        "tempo_metrics_generator_registry_active_series gauge tenant",
        "tempo_metrics_generator_registry_collections_failed_total counter tenant",
        "tempo_metrics_generator_spans_discarded_total counter tenant reason",
        "tempo_metrics_generator_spans_received_total counter tenant",
        "tempo_query_frontend_queries_total counter tenant op",
        "tempo_receiver_accepted_spans counter",
        "tempo_receiver_refused_spans counter",
        "tempo_request_duration_seconds histogram method route status_code",
        "tempo_runtime_config_last_reload_successful gauge",
        "tempodb_backend_request_duration_seconds histogram operation status_code",
        "tempodb_blocklist_length gauge tenant",
        "tempodb_blocklist_poll_duration_seconds histogram",
        "tempodb_blocklist_poll_errors_total counter",
        "tempodb_compaction_errors_total counter",
        "tempodb_compaction_outstanding_blocks gauge tenant",
        "tempodb_retention_deleted_total counter",
        "tempodb_retention_duration_seconds histogram",
        "tempodb_retention_errors_total counter",
        "tempodb_retention_marked_for_deletion_total counter",
    ];

    // What the documentation lists and this test does not bring about: there must be something amiss or an option for each.
    private static readonly Regex s_rare = new(
        "^(tempo_discarded_spans_total|tempo_distributor_attributes_truncated_total|tempo_distributor_forwarder_(pushes_failures|spans_dropped)_total|tempo_distributor_grain_calls_total"
        + "|tempo_metrics_generator_(ignored_values|dedupe_spans_forgotten)_total|tempo_metrics_generator_snapshot.*|tempo_metrics_generator_registry_(drain|label|post|spans)_.*"
        + "|tempo_metrics_generator_registry_.*_(demand_estimate|removed_total)|tempo_metrics_generator_processor_service_graphs_.*|tempo_warnings_total|tempo_overrides_.*|tempo_ingester_replay_errors_total"
        + "|tempo_spans_distance_in_future_seconds|tempodb_blocks_(set_aside|without_meta)_total|tempodb_compaction_.*_total|prometheus_remote_storage_.*|tempo_runtime_config_hash|otel_metric_overflow)$");

    [Fact]
    public async Task The_page_has_what_the_documentation_lists_and_what_Tempos_dashboards_and_alerts_look_for()
    {
        using var folder = new TemporaryFolder();
        var overrides = folder.Write("overrides.yaml", "overrides: { team-a: { ingestion: { rate_limit_bytes: 17 } } }\n");
        await using var silo = await SiloProcess.StartAsync(new()
        {
            Test = "own-metrics",
            Ingester = "trace_idle_period: 100ms, flush_check_period: 100ms, max_block_duration: 200ms",
            Compactor = "compaction: { compaction_cycle: 300ms }",
            Trace = "blocklist_poll: 300ms",
            GeneratorBlocks = $$"""
                overrides:
                  per_tenant_override_config: {{overrides}}
                  defaults: { metrics_generator: { processors: [service-graphs, span-metrics] } }
                metrics_generator:
                  registry:
                    collection_interval: 300ms
                """,
        });
        var request = new SentSpans().Add(new RandomTraces(1).Next(20));
        Assert.True((await silo.Sender.PushAsync(request.Body)).IsWhole);
        await silo.Traces.TextAsync("/api/traces/0b");

        var page = await Eventually.GetAsync(
            async () => (await silo.Traces.TextAsync("/metrics")).Text,
            page => page.Contains("tempo_live_store_blocks_completed_total{", StringComparison.Ordinal)
                && page.Contains("tempodb_compaction_outstanding_blocks{", StringComparison.Ordinal)
                && page.Contains("tempo_metrics_generator_registry_collections_total{", StringComparison.Ordinal),
            page => $"{page}\n{silo.Log}");

        var types = TypeLine().Matches(page).ToDictionary(static m => m.Groups[1].Value, static m => m.Groups[2].Value);
        Assert.Equal([], s_wanted.Where(wanted => !IsThere(page, types, wanted.Split(' '))));
        Assert.Equal([], Listed().Where(name => !types.ContainsKey(name) && !s_rare.IsMatch(name)));
        Assert.Equal([], types.Keys.Where(static name => name.StartsWith("tempo", StringComparison.Ordinal)).Except(Listed()));
        Assert.Equal(1, Assert.Single(SeriesValues.Parse(page), static s => s.Key.StartsWith("tempo_build_info{", StringComparison.Ordinal) && s.Key.Contains("goversion=\".NET", StringComparison.Ordinal)).Value);
    }

    [Fact]
    public async Task Names_of_tenants_that_readers_make_up_leave_no_series_and_a_tenant_that_sends_has_its_own()
    {
        await using var silo = await SiloProcess.StartAsync(new() { Test = "made-up", Multitenancy = true, UserConfigurableOverrides = "enabled: true" });

        // With | between them only queries take several.
        var several = string.Join('|', Enumerable.Range(0, 20).Select(static i => $"made-up-{i}"));
        Assert.Equal(HttpStatusCode.NotFound, (await silo.Traces.TextAsync("/api/traces/0b", several)).Status);
        Assert.Equal(HttpStatusCode.OK, (await silo.Traces.TextAsync("/api/v2/traces/0b", several)).Status);
        Assert.Equal((HttpStatusCode.OK, ""), await silo.Traces.TextAsync("/generator/metrics", "made-up"));
        Assert.Equal(HttpStatusCode.NotFound, (await silo.Traces.TextAsync("/api/overrides", "made-up")).Status);
        await silo.Traces.TextAsync("/status/overrides/made-up");
        Assert.Equal(HttpStatusCode.NotFound, await silo.FlushAsync("made-up"));

        Assert.DoesNotContain("made-up", (await silo.Traces.TextAsync("/metrics")).Text);
        Assert.DoesNotContain(silo.StoredObjects, static name => name.Contains("made-up", StringComparison.Ordinal));

        var request = new SentSpans().Add(new RandomTraces(1).Next(20));
        Assert.True((await silo.Sender.PushAsync(request.Body, "team-a")).IsWhole);
        await silo.Traces.TextAsync("/api/traces/0b", "team-a");
        Assert.Equal(HttpStatusCode.NoContent, await silo.FlushAsync());
        var own = (await silo.OwnMetricsAsync()).Where(static key => key.Contains("tenant=\"team-a\"", StringComparison.Ordinal));
        Assert.Equal((1, 1), (own.Sum("tempo_query_frontend_queries_total"), own.Sum("tempodb_blocklist_length")));
    }

    private static bool IsThere(string page, Dictionary<string, string> types, string[] wanted)
    {
        var (name, type, labels) = (wanted[0], wanted[1], wanted[2..]);
        var series = type == "histogram" ? name + "_bucket" : name;
        return types.GetValueOrDefault(name) == type
            && page.Split('\n').Any(line => line.StartsWith(series + "{", StringComparison.Ordinal) && labels.All(label => Regex.IsMatch(line, $"[{{,]{label}=\"")));
    }

    /// <summary>The names in the tables of the documentation, those that are cut short with "…" written out.</summary>
    private static HashSet<string> Listed()
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var document = File.ReadAllText(Path.Combine(RepositoryRoot(), "docs", "own-metrics.md"));
        foreach (var row in document[..document.IndexOf("## Tempo's dashboards", StringComparison.Ordinal)].Split('\n').Where(static line => line.StartsWith("| ", StringComparison.Ordinal)))
        {
            var last = "";
            foreach (var name in CodeInRow().Matches(row[..row.LastIndexOf(" | ", StringComparison.Ordinal)]).Select(static m => m.Groups[1].Value.Split('{')[0]))
                names.Add(last = name.StartsWith('…') ? Complete(last, name.TrimStart('…', '_')) : name);
        }

        return names;
    }

    // The beginning of the name before it in the row, cut at the word from which they differ: as many words as make it a name that a prefix of the other's begins.
    private static string Complete(string former, string rest) =>
        Prefixes.First(prefix => former.StartsWith(prefix, StringComparison.Ordinal)) + rest;

    private static string[] Prefixes { get; } =
    [
        "tempo_metrics_generator_registry_drain_patterns_", "tempo_metrics_generator_registry_", "tempo_overrides_user_configurable_overrides_", "prometheus_remote_storage_",
    ];

    private static string RepositoryRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "OrleansTempo.sln")))
            folder = folder.Parent ?? throw new DirectoryNotFoundException("no OrleansTempo.sln above the tests");
        return folder.FullName;
    }

    [GeneratedRegex("^# TYPE (\\S+) (\\S+)$", RegexOptions.Multiline)]
    private static partial Regex TypeLine();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex CodeInRow();
}
