using System.Net;
using OrleansTempo.Cluster.Harness;
using OrleansTempo.Core;
using OrleansTempo.Integration.Harness;

namespace OrleansTempo.Cluster;

/// <summary>One real silo as a developer starts it: a cluster of its own, with no Orleans configuration.</summary>
public sealed class OneSiloTests(PrometheusFixture prometheus) : IClassFixture<PrometheusFixture>
{
    private static readonly int[] s_recorded = [1, 2, 3, 5, 8];

    [PrometheusFact]
    public async Task Recorded_bodies_give_exactly_what_tempo_wrote_and_a_restart_counts_on_from_there()
    {
        var expected = GoldenBodies.Expected();
        await using var silo = await SiloProcess.StartAsync(new() { Test = "silo-golden", RemoteWriteUrls = [prometheus.Process.RemoteWriteUrl] });
        await SendRecordedAsync(silo);
        var stored = await Eventually.GetAsync(
            () => silo.StoredAsync(prometheus.Process),
            values => values.DifferenceFrom(expected).Length == 0,
            values => values.DifferenceFrom(expected) + silo.Log);
        Assert.Equal(expected.Count, stored.Count);
        Assert.Equal("", (await silo.GeneratedAsync()).DifferenceFrom(expected));
        using (var status = await silo.GetAsync("/status/remote-write"))
            Assert.Matches("(?m)^single-tenant +127\\.0\\.0\\.1-0 .* prometheus\\.WriteRequest ", await status.Content.ReadAsStringAsync());

        Assert.Equal(0, await silo.TerminateAsync());
        await silo.StartAgainAsync();

        // Its grain wakes although no span arrives, and has the previous counts.
        await Eventually.GetAsync(silo.GeneratedAsync, values => values.DifferenceFrom(expected).Length == 0, values => values.DifferenceFrom(expected) + silo.Log);
        await SendRecordedAsync(silo);
        var twice = new SeriesValues();
        foreach (var (series, value) in expected)
            twice.Add(series, value * 2);
        await Eventually.GetAsync(
            () => silo.StoredAsync(prometheus.Process),
            values => values.DifferenceFrom(twice).Length == 0,
            values => values.DifferenceFrom(twice) + silo.Log);
        foreach (var (key, samples) in await prometheus.Process.RawSamplesAsync($"{{__name__=~\"traces_.+\",test=\"{silo.Test}\"}}"))
            Assert.True(samples.Zip(samples.Skip(1)).All(static pair => pair.First.Value <= pair.Second.Value), $"{key} decreased: {string.Join(' ', samples)}");
        Assert.Empty(prometheus.Process.OrderComplaints);
    }

    [Fact]
    public async Task From_alone_into_a_cluster_and_back_every_acknowledged_trace_is_there_at_the_first_ready()
    {
        await using var silo = await SiloProcess.StartAsync(new() { Test = "silo-moves", Ingester = "trace_idle_period: 1h, trace_live_period: 1h, max_block_duration: 1h" });
        var clustered = new Dictionary<string, string>
        {
            ["Orleans__Clustering__ProviderType"] = "Development",
            ["Orleans__Clustering__PrimarySiloEndPoint"] = $"127.0.0.1:{silo.SiloPort}",
            ["Orleans__Endpoints__AdvertisedIPAddress"] = "127.0.0.1",
        };
        var sent = new SentSpans();
        var traces = new RandomTraces(1);
        foreach (var environment in (Dictionary<string, string>[])[clustered, [], clustered, []])
        {
            for (var i = 0; i < 10; i++)
            {
                var request = sent.Add(traces.Next(20));
                Assert.True((await silo.Sender.PushAsync(request.Body)).IsWhole);
                request.Acknowledge();
            }

            await silo.KillAsync();
            silo.TakeEnvironment(environment);
            await silo.StartAgainAsync();
            await sent.AssertFoundAsync(silo.Traces, sent.Traces, environment == clustered ? "in a cluster" : "alone");
        }
    }

    [Fact]
    public async Task The_only_member_of_a_cluster_that_is_killed_has_every_acknowledged_trace_at_its_next_ready()
    {
        var port = FreePorts.Next();
        await KillOnlyMemberAsync(new Dictionary<string, string>
        {
            ["Orleans__Clustering__ProviderType"] = "Development",
            ["Orleans__Clustering__PrimarySiloEndPoint"] = $"127.0.0.1:{port}",
            ["Orleans__Endpoints__AdvertisedIPAddress"] = "127.0.0.1",
            ["Orleans__Endpoints__SiloPort"] = $"{port}",
        });
    }

    [PostgresFact]
    public async Task So_it_has_where_a_database_still_lists_its_former_life()
    {
        await using var postgres = await PostgresServer.StartAsync();
        await KillOnlyMemberAsync(ThreeSilos.ClusteringOf(postgres));
    }

    [PrometheusFact]
    public async Task What_waits_when_ring_size_is_changed_is_sent_by_the_shards_of_before_which_end_then()
    {
        await using var away = await PrometheusProcess.StartAsync();
        await away.StopAsync();

        // Without a snapshot, a claim needs an owner only because of waiting samples.
        foreach (var (snapshot, former, next) in new[] { ("off", 3, 2), ("on_stop", 2, 3) })
        {
            var settings = new TempoSettings
            {
                Test = $"silo-ring-{snapshot}",
                RemoteWriteUrls = [away.RemoteWriteUrl],
                GeneratorOverrides = $"ring_size: {former}",
                FlushDeadline = "1s",
                Snapshot = snapshot,
            };
            await using var silo = await SiloProcess.StartAsync(settings);
            var load = new CountedLoad([silo], new SentSpans());
            var stop = load.Start();
            await Eventually.GetAsync(() => Task.FromResult(load.Calls), static calls => calls >= 90, static calls => $"{calls} calls");
            await stop();
            Assert.Equal(0, await silo.TerminateAsync());
            Assert.All(Claims(), static claim => Assert.Contains("\"waiting\":true", claim, StringComparison.Ordinal));

            silo.TakeSettings(settings with { GeneratorOverrides = $"ring_size: {next}" });
            await away.StartAgainAsync();
            await silo.StartAgainAsync();
            await Eventually.GetAsync(
                async () => (await away.RawSamplesAsync($"traces_spanmetrics_calls_total{{test=\"{silo.Test}\",__metrics_gen_instance=~\".-of-{former}\"}}")).Values.Sum(static samples => samples[^1].Value),
                counted => counted == load.Calls * 2,
                counted => $"{counted} spans are counted of {load.Calls * 2}\n{silo.Log}");
            await Eventually.GetAsync(
                silo.OwnMetricsAsync, static own => own.Sum("prometheus_remote_storage_samples_pending") == 0 && own.Sum("tempo_metrics_generator_registry_active_series") == 0, own => $"{own}\n{silo.Log}");
            Assert.Equal(0, await silo.TerminateAsync());
            Assert.All(Claims(), static claim => Assert.Contains("\"state\":\"ended\"", claim, StringComparison.Ordinal));
            Assert.DoesNotContain("are lost", silo.Log, StringComparison.Ordinal);
            await away.StopAsync();

            string[] Claims()
            {
                var claims = Directory.GetFiles(Path.Combine(silo.BlocksFolder, "generators", "single-tenant"), $"*-of-{former}");
                Assert.Equal(former, claims.Length);
                return [.. claims.Select(File.ReadAllText)];
            }
        }

        Assert.Empty(away.OrderComplaints);
    }

    [PrometheusFact]
    public async Task A_tenant_of_three_shards_counts_every_span_and_pairs_every_edge_in_one_of_them()
    {
        const int Calls = 90;
        await using var silo = await SiloProcess.StartAsync(
            new() { Test = "silo-shards", RemoteWriteUrls = [prometheus.Process.RemoteWriteUrl], GeneratorOverrides = "ring_size: 3", SpanMetrics = "enable_target_info: true" });
        var sent = new SentSpans();
        var load = new CountedLoad([silo], sent);
        var stop = load.Start();
        await Eventually.GetAsync(() => Task.FromResult(load.Calls), static calls => calls >= Calls, static calls => $"{calls} calls");
        await stop();

        var stored = await Eventually.GetAsync(
            () => silo.StoredAsync(prometheus.Process),
            values => values.Sum("traces_service_graph_request_total") == load.Calls && values.Sum("traces_spanmetrics_calls_total") == load.Calls * 2,
            values => $"{load.Calls} calls\n{values}\n{silo.Log}");

        string[] shards = ["0-of-3", "1-of-3", "2-of-3"];
        Assert.All(shards, shard => Assert.True(stored.Without("__metrics_gen_instance", shard).Sum("traces_service_graph_request_total") > 0, shard));
        Assert.All(stored.Keys, static key => Assert.Contains("__metrics_gen_instance=", key, StringComparison.Ordinal));
        Assert.All(stored.Keys.Where(static key => key.StartsWith("traces_target_info", StringComparison.Ordinal)), static key => Assert.Contains("\"0-of-3\"", key, StringComparison.Ordinal));
        Assert.Equal("", (await silo.GeneratedAsync()).DifferenceFrom(stored));
    }

    [Fact]
    public async Task The_client_is_told_what_a_limit_refused_in_a_grain()
    {
        await using var silo = await SiloProcess.StartAsync(new() { Test = "silo-limits", Ingestion = "rate_limit_bytes: 0, max_traces_per_user: 3", Ingester = "partitions: 8" });
        var request = new RandomTraces(7).Next(60);
        var spans = request.ResourceSpans.SelectMany(static r => r.ScopeSpans).SelectMany(static s => s.Spans).ToArray();
        var traces = spans.Select(static s => s.TraceId).Distinct().Count();
        Assert.True(traces > 3, $"{traces} traces");

        var answer = await silo.Sender.PushAsync(Google.Protobuf.MessageExtensions.ToByteArray(request));

        Assert.Equal(200, answer.Code);
        Assert.Contains("LIVE_TRACES_EXCEEDED", answer.Message, StringComparison.Ordinal);
        var own = await silo.OwnMetricsAsync();
        Assert.Equal(answer.RejectedSpans, own.Sum("tempo_discarded_spans_total"));
        var kept = 0;
        foreach (var trace in spans.GroupBy(static s => s.TraceId))
            kept += (await silo.Traces.FindAsync(trace.Key)).Trace?.ResourceSpans.SelectMany(static r => r.ScopeSpans).Sum(static s => s.Spans.Count) ?? 0;
        Assert.Equal(spans.Length - answer.RejectedSpans, kept);

        Assert.Equal(400, (await silo.Sender.PushAsync([0xFF, 0xFF])).Code);
    }

    [Fact]
    public async Task Small_requests_share_their_calls()
    {
        await using var silo = await SiloProcess.StartAsync(new() { Test = "silo-small" });
        var body = GoldenBodies.Call("a", "b");
        var clients = Enumerable.Range(0, 40).Select(_ => Task.Run(async () =>
        {
            for (var i = 0; i < 50; i++)
                Assert.Equal(HttpStatusCode.OK, await silo.Sender.PostAsync(body));
        }));
        await Task.WhenAll(clients);

        // Two spans each: one call per request to the trace grain and to the metrics-generator's would be 4,000.
        var calls = await Eventually.GetAsync(
            async () => (await silo.OwnMetricsAsync()).Sum("tempo_distributor_grain_calls_total"),
            static calls => calls > 0,
            static calls => $"{calls}");
        Assert.InRange(calls, 2, 1500);
        Assert.Equal(4000, (await silo.OwnMetricsAsync()).Sum("tempo_distributor_spans_received_total"));
    }

    private static async Task KillOnlyMemberAsync(IReadOnlyDictionary<string, string> environment)
    {
        await using var silo = await SiloProcess.StartAsync(new()
        {
            Test = "silo-only-member",
            Ingester = "trace_idle_period: 1h, trace_live_period: 1h, max_block_duration: 1h",
            Trace = "wal: { type: object }",
            Environment = environment,
        });
        var sent = new SentSpans();
        var traces = new RandomTraces(1);
        for (var kill = 1; kill <= 3; kill++)
        {
            for (var i = 0; i < 10; i++)
            {
                var request = sent.Add(traces.Next(20));
                Assert.True((await silo.Sender.PushAsync(request.Body)).IsWhole);
                request.Acknowledge();
            }

            await silo.KillAsync();
            await silo.StartAgainAsync();
            await sent.AssertFoundAsync(silo.Traces, sent.Traces, $"after kill {kill}");
        }
    }

    private static async Task SendRecordedAsync(SiloProcess silo)
    {
        foreach (var body in s_recorded)
            Assert.Equal(HttpStatusCode.OK, await silo.Sender.PostAsync(GoldenBodies.Read(body)));
    }
}
