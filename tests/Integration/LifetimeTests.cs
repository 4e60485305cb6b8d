using System.Net;
using System.Net.Sockets;
using OrleansTempo.Integration.Harness;

namespace OrleansTempo.Integration;

/// <summary>From a process' first sample to its last.</summary>
public sealed class LifetimeTests(PrometheusFixture prometheus) : IClassFixture<PrometheusFixture>
{
    [PrometheusFact]
    public async Task Spans_sent_just_before_sigterm_are_in_prometheus_when_the_process_is_gone()
    {
        await using var silo = await SiloProcess.StartAsync(new()
        {
            Test = "sigterm",
            RemoteWriteUrls = [prometheus.Process.RemoteWriteUrl],
            CollectionInterval = "5m",
        });
        for (var call = 0; call < 20; call++)
            Assert.Equal(HttpStatusCode.OK, await silo.Sender.PostAsync(GoldenBodies.Call("client", "server")));

        var exitCode = await silo.TerminateAsync();

        Assert.True(exitCode == 0, silo.Log);
        var stored = await silo.StoredAsync(prometheus.Process);
        Assert.Equal(40, stored.Sum("traces_spanmetrics_calls_total"));
        Assert.Equal(20, stored.Sum("traces_service_graph_request_total"));
    }

    [PrometheusFact]
    public async Task A_client_that_hangs_in_its_body_keeps_nothing_from_leaving_at_sigterm()
    {
        await using var silo = await SiloProcess.StartAsync(new()
        {
            Test = "hanging",
            RemoteWriteUrls = [prometheus.Process.RemoteWriteUrl],
            CollectionInterval = "5m",

            // So long that it is not what lets the samples go.
            GracefulShutdownTimeout = "10m",
        });
        Assert.Equal(HttpStatusCode.OK, await silo.Sender.PostAsync(GoldenBodies.Call("client", "server")));
        using var hanging = new TcpClient();
        await hanging.ConnectAsync(IPAddress.Loopback, silo.HttpEndpoint.Port);
        await hanging.GetStream().WriteAsync("POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-protobuf\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"u8.ToArray());
        using var answer = new StreamReader(hanging.GetStream());
        Assert.Equal("HTTP/1.1 100 Continue", await answer.ReadLineAsync());

        var exit = silo.TerminateAsync();

        await Eventually.GetAsync(() => silo.StoredAsync(prometheus.Process), stored => stored.Sum("traces_spanmetrics_calls_total") == 2, stored => $"{stored}\n{silo.Log}");
        Assert.False(exit.IsCompleted, silo.Log);
        hanging.Close();
        Assert.Equal(0, await exit);
    }

    [PrometheusFact]
    public async Task New_counters_and_histograms_begin_with_an_explicit_zero()
    {
        await using var silo = await SiloProcess.StartAsync(new() { Test = "zero", RemoteWriteUrls = [prometheus.Process.RemoteWriteUrl] });

        Assert.Equal(HttpStatusCode.OK, await silo.Sender.PostAsync(GoldenBodies.Call("client", "server")));
        await silo.CollectAsync(3);
        Assert.Equal(0, await silo.TerminateAsync());

        var samples = await prometheus.Process.RawSamplesAsync("{__name__=~\"traces_.+\",test=\"zero\"}");
        var last = await silo.StoredAsync(prometheus.Process);
        // Two of calls, sizes and latency (15 buckets, sum, count); one edge: requests, and client's and server's latency (9 buckets, sum, count).
        Assert.Equal(2 * (1 + 1 + 17) + 1 + 2 * 11, samples.Count);
        Assert.Equal(2, last.Sum("traces_spanmetrics_calls_total"));
        foreach (var (series, points) in samples)
        {
            Assert.True(points[0].Value == 0, $"{series} begins with {points[0].Value}");
            // Then its value, from the first collection on and unchanged, since nothing more was sent.
            Assert.True(points.Count >= 4, $"{series} has {points.Count} samples");
            Assert.True(points.Skip(1).All(point => point.Value == points[^1].Value), $"{series}: {string.Join(' ', points)}");
        }

        Assert.Empty(prometheus.Process.OrderComplaints);
    }

    [PrometheusFact]
    public async Task Series_nobody_updates_any_more_ends_with_a_staleness_marker()
    {
        await using var silo = await SiloProcess.StartAsync(new()
        {
            Test = "stale",
            RemoteWriteUrls = [prometheus.Process.RemoteWriteUrl],
            StaleDuration = "3s",
        });
        Assert.Equal(HttpStatusCode.OK, await silo.Sender.PostAsync(GoldenBodies.Call("client", "server")));

        await Eventually.GetAsync(() => silo.StoredAsync(prometheus.Process), stored => stored.Sum("traces_service_graph_request_total") == 1, stored => $"{stored}\n{silo.Log}");
        // Without a marker Prometheus would go on returning the last sample for five minutes.
        await Eventually.GetAsync(() => silo.StoredAsync(prometheus.Process), stored => stored.Count == 0, stored => $"{stored}\n{silo.Log}");

        var samples = await prometheus.Process.RawSamplesAsync("traces_service_graph_request_total{test=\"stale\"}");
        Assert.Equal(1, samples.Single().Value[^1].Value);
        Assert.Empty(await silo.GeneratedAsync());
    }

    [Fact]
    public async Task Demo_shows_numbers_without_anything_else()
    {
        await using var silo = await SiloProcess.StartAsync(new() { Test = "demo", Demo = true });

        await Eventually.GetAsync(
            silo.GeneratedAsync,
            generated => generated.Sum("traces_spanmetrics_calls_total") > 0 && generated.Sum("traces_service_graph_request_total") > 0,
            generated => $"{generated}\n{silo.Log}");
    }

    [Fact]
    public async Task Configuration_error_names_file_and_line_and_ends_the_process()
    {
        const string Yaml = """
            server:
              http_listen_address: 127.0.0.1
              http_listen_prot: 3200
            """;

        var (exitCode, output) = await SiloProcess.RunToEndAsync(Yaml);

        Assert.NotEqual(0, exitCode);
        Assert.Contains("tempo.yaml:3", output);
        Assert.Contains("http_listen_prot", output);
    }

    [Theory]
    [InlineData("-config.verify -config.expand-env=true -target=all", 0, "the configuration is valid")]
    [InlineData("-target=querier", 1, "-target: 'querier' is not supported; the only allowed value is 'all'")]
    public async Task Tempos_own_arguments_are_taken_or_refused_with_a_reason(string arguments, int expected, string said)
    {
        var (exitCode, output) = await SiloProcess.RunToEndAsync("multitenancy_enabled: false", arguments.Split(' '));

        Assert.True(exitCode == expected, output);
        Assert.Contains(said, output);
    }
}
