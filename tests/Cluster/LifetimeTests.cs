using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using OrleansTempo.Cluster.Harness;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Integration.Harness;

namespace OrleansTempo.Cluster;

/// <summary>How the Silo program starts, refuses to start, and stops, as a real process.</summary>
public partial class LifetimeTests
{
    private const string NoPorts = """
        server:
          http_listen_port: 0
        distributor:
          receivers:
            otlp:
              protocols:
                http:
                  endpoint: 127.0.0.1:0

        """;

    [Fact]
    public async Task Verifying_a_configuration_starts_nothing()
    {
        var (exitCode, output) = await SiloProcess.RunToEndAsync(NoPorts, "--config.verify");
        Assert.Equal((0, "the configuration is valid"), (exitCode, output.Trim()));

        (exitCode, output) = await SiloProcess.RunToEndAsync(NoPorts, new Dictionary<string, string> { ["Orleans__ClusterIdd"] = "blue" }, "--config.verify");
        Assert.Equal(1, exitCode);
        Assert.StartsWith("error: 'Orleans:ClusterIdd' (environment variable Orleans__ClusterIdd) is not known; did you mean 'ClusterId'?", output);
    }

    [Fact]
    public async Task A_developers_silo_is_ready_shows_its_dashboard_and_stops_in_order_with_a_few_lines()
    {
        await using var silo = await SiloProcess.StartAsync(new() { Test = "silo-lifetime", Environment = new Dictionary<string, string> { ["DOTNET_ENVIRONMENT"] = "Development" } });
        foreach (var path in new[] { "/ready", "/dashboard", "/dashboard/index.min.js", "/dashboard/DashboardCounters", "/metrics" })
        {
            using var response = await silo.GetAsync(path);
            Assert.Equal((path, HttpStatusCode.OK), (path, response.StatusCode));
        }

        using (var status = await silo.GetAsync("/status/services"))
            Assert.Contains($"Active, as S127.0.0.1:{silo.SiloPort}:", await status.Content.ReadAsStringAsync());

        Assert.Equal(0, await silo.TerminateAsync());
    }

    [Fact]
    public async Task A_silo_alone_says_what_it_does_in_these_lines_and_no_others()
    {
        await using var silo = await SiloProcess.StartAsync(new() { Test = "silo-log" });
        Assert.Equal(0, await silo.TerminateAsync());
        string[] expected =
        [
            "This silo runs alone",
            $"Listening for otlp/grpc on {silo.GrpcEndpoint.Authority}",
            $"Listening for otlp/http on {silo.HttpEndpoint.Authority}",
            "Listening for http api on 127.0.0.1:",
            "Metrics-generator processors: ",
            "Remote write is not configured; series can be scraped from /generator/metrics",
            "Stopping: no new spans are taken, queues are drained, and metrics are collected and sent one last time",
            "Stopped",
        ];
        Assert.Equal(expected, Messages(silo.Log).Select((message, i) => i < expected.Length && message.StartsWith(expected[i], StringComparison.Ordinal) ? expected[i] : message));
    }

    [Fact]
    public async Task Silos_of_one_cluster_with_a_local_directory_each_do_not_work_together()
    {
        var primary = FreePorts.Next();
        var clustering = new Dictionary<string, string>
        {
            ["Orleans__Clustering__ProviderType"] = "Development",
            ["Orleans__Clustering__PrimarySiloEndPoint"] = $"127.0.0.1:{primary}",
            ["Orleans__Endpoints__AdvertisedIPAddress"] = "127.0.0.1",
        };
        await using var first = await SiloProcess.StartAsync(new() { Test = "silo-own-store", Environment = new Dictionary<string, string>(clustering) { ["Orleans__Endpoints__SiloPort"] = $"{primary}" } });

        var (exitCode, output) = await SiloProcess.RunToEndAsync(NoPorts, clustering);

        Assert.Equal(1, exitCode);
        var refusal = Assert.Single(Messages(output), static m => m.StartsWith("Cannot start: ", StringComparison.Ordinal));
        Assert.Matches($"^Cannot start: storage.trace is directory '.+' of .+ in silo S127.0.0.1:[0-9:]+ but a different store, directory '.+' of .+, in silo S127.0.0.1:{primary}:[0-9]+ of the same cluster; ", refusal);
        Assert.DoesNotContain("level=error", first.Log);
        Assert.Equal(HttpStatusCode.OK, await first.ReadyAsync());
        Assert.Contains($"This silo is S127.0.0.1:{primary}:", first.Log);
        Assert.Contains("in its cluster; active silos: ", first.Log);
    }

    [Theory]
    [InlineData(false, false, "in use by another process, and this one runs alone; stop the other one, give each its own storage.trace.local.path, or join them into one cluster with Orleans:Clustering")]
    [InlineData(false, true, "in use by a process that runs alone; stop that process, give each its own storage.trace.local.path, or configure Orleans:Clustering there too")]
    [InlineData(true, false, "in use by another process, and this one runs alone; stop the other one, give each its own storage.trace.local.path, or join them into one cluster with Orleans:Clustering")]
    public async Task A_second_silo_on_the_directory_of_one_that_is_alone_or_that_is_alone_itself_is_refused_in_one_sentence(bool isFirstClustered, bool isSecondClustered, string refusal)
    {
        var port = FreePorts.Next();
        var clustering = new Dictionary<string, string>
        {
            ["Orleans__Clustering__ProviderType"] = "Development",
            ["Orleans__Clustering__PrimarySiloEndPoint"] = $"127.0.0.1:{port}",
            ["Orleans__Endpoints__AdvertisedIPAddress"] = "127.0.0.1",
        };
        var environment = new Dictionary<string, string>(isFirstClustered ? clustering : []) { ["Orleans__Endpoints__SiloPort"] = $"{port}" };
        await using var first = await SiloProcess.StartAsync(new() { Test = "silo-directory", Environment = environment });

        var (exitCode, output) = await SiloProcess.RunToEndAsync(
            NoPorts + $"storage: {{ trace: {{ local: {{ path: '{first.BlocksFolder}' }} }} }}\n", isSecondClustered ? clustering : []);

        Assert.Equal(1, exitCode);
        Assert.Equal($"Cannot start: the object store's directory '{first.BlocksFolder}' is {refusal}", Assert.Single(Messages(output)));
        Assert.True((await first.Sender.PushAsync(GoldenBodies.Call("client", "server"))).IsWhole);
    }

    [Fact]
    public async Task A_silo_alone_takes_another_number_of_partitions_whatever_a_cluster_has_agreed_on()
    {
        using var store = new TemporaryFolder();
        store.Write("cluster.json", """{"partitions":8}""");
        await using var silo = await SiloProcess.StartAsync(new() { Test = "silo-partitions", Ingester = "partitions: 4", Trace = $"local: {{ path: '{store.Path}' }}" });
        Assert.Equal("""{"partitions":8}""", await File.ReadAllTextAsync(Path.Combine(store.Path, "cluster.json")));
    }

    [Fact]
    public async Task A_silo_in_production_has_no_dashboard()
    {
        await using var silo = await SiloProcess.StartAsync(new() { Test = "silo-production" });
        using var response = await silo.GetAsync("/dashboard/");
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
    }

    [Theory]
    [InlineData("Orleans__Clustering__ProviderType", "Carrier pigeon", "Carrier pigeon")]
    [InlineData("Orleans__ClusterMembership__ProbeTimeuot", "00:00:01", "'Orleans:ClusterMembership:ProbeTimeuot' (environment variable Orleans__ClusterMembership__ProbeTimeuot) is not known; did you mean 'ProbeTimeout'?")]
    [InlineData("Orleans__ClusterMembership__ProbeTimeout", "soon", "soon")]
    [InlineData("OrleansTempo__Dashbord__Enabled", "true", "'OrleansTempo:Dashbord' (environment variable OrleansTempo__Dashbord__Enabled) is not known; did you mean 'Dashboard'?")]
    [InlineData("Logging__LogLevel__Orleans", "Loud", "Loud")]
    public async Task A_setting_that_cannot_be_is_named_in_one_line(string name, string value, string named)
    {
        var (exitCode, output) = await SiloProcess.RunToEndAsync(NoPorts, new Dictionary<string, string> { [name] = value });
        Assert.Equal(1, exitCode);
        var message = Assert.Single(Messages(output));
        Assert.StartsWith("Cannot start: ", message);
        Assert.Contains(named, message);
    }

    [Fact]
    public async Task A_silo_that_another_cluster_has_agreed_differently_on_its_store_refuses_to_start()
    {
        using var shared = new TemporaryFolder();
        shared.Write("cluster.json", """{"partitions":8,"clusterId":"blue","serviceId":"default","storeId":"1a"}""");
        var yaml = NoPorts + $"storage: {{ trace: {{ local: {{ path: {shared.Path} }} }} }}\n";
        var environment = new Dictionary<string, string> { ["Orleans__Clustering__ProviderType"] = "Development" };

        foreach (var (settings, refusal) in new[]
        {
            ("ingester: { partitions: 4 }\n", "Cannot start: ingester.partitions is 4 here but 8 in the other silos"),
            ("", "Cannot start: Orleans:ClusterId is default here but blue in the other silos"),
        })
        {
            var (exitCode, output) = await SiloProcess.RunToEndAsync(settings + yaml, environment);
            Assert.Equal(1, exitCode);
            Assert.StartsWith(refusal, Assert.Single(Messages(output)));
        }
    }

    [Theory]
    [InlineData("otlp/grpc listens", "distributor.receivers.otlp.protocols.grpc.endpoint")]
    [InlineData("otlp/http listens", "distributor.receivers.otlp.protocols.http.endpoint")]
    [InlineData("http api listens", "server.http_listen_port")]
    [InlineData("the silo listens", "Orleans__Endpoints__SiloPort")]
    [InlineData("the silo's gateway for clients listens", "Orleans__Endpoints__GatewayPort")]
    public async Task A_port_that_is_taken_is_named_in_one_sentence_with_what_to_set(string listens, string setting)
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;
        var yaml = $$"""
            server: { http_listen_address: 127.0.0.1, http_listen_port: {{Port("server.http_listen_port")}} }
            distributor:
              receivers:
                otlp:
                  protocols:
                    grpc: { endpoint: "127.0.0.1:{{Port("distributor.receivers.otlp.protocols.grpc.endpoint")}}" }
                    http: { endpoint: "127.0.0.1:{{Port("distributor.receivers.otlp.protocols.http.endpoint")}}" }
            """;
        var environment = new Dictionary<string, string>();
        if (setting.StartsWith("Orleans__", StringComparison.Ordinal))
            environment[setting] = $"{port}";

        var (exitCode, output) = await SiloProcess.RunToEndAsync(yaml, environment);

        Assert.Equal(1, exitCode);
        Assert.Equal($"Cannot start: port {port}, where {listens}, is in use by another process; stop that process, or set {setting} to another port", Assert.Single(Messages(output)));

        int Port(string of) => of == setting ? port : 0;
    }

    private static string[] Messages(string log) =>
        [.. log.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static line => LogfmtMessage().Match(line) is { Success: true } match ? match.Groups[1].Value + match.Groups[2].Value : line)];

    [GeneratedRegex("""^ts=\S+ level=\S+ msg=(?:"((?:[^"\\]|\\.)*)"|(\S+))""")]
    private static partial Regex LogfmtMessage();
}
