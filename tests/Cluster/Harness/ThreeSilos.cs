using System.Text.Json;

namespace OrleansTempo.Cluster.Harness;

/// <summary>Three silo processes on one object store, with a real PostgreSQL for their membership and a real Prometheus at the end.</summary>
internal sealed class ThreeSilos : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<SiloProcess> _silos = [];
    private PostgresServer? _postgres;
    private PrometheusProcess? _prometheus;

    private ThreeSilos()
    {
    }

    public IReadOnlyList<SiloProcess> Silos => _silos;

    public PrometheusProcess Prometheus => _prometheus!;

    /// <summary>The folder of the object store.</summary>
    public string Store => Path.Combine(_folder.Path, "store");

    public string Logs => string.Concat(_silos.Select(static (silo, i) => $"--- silo {i}\n{silo.Log}"));

    /// <param name="settings">The silos' configuration, but for the store; where they write besides the cluster's Prometheus.</param>
    public static async Task<ThreeSilos> StartAsync(TempoSettings settings)
    {
        var cluster = new ThreeSilos();
        try
        {
            var prometheus = PrometheusProcess.StartAsync();
            cluster._postgres = await PostgresServer.StartAsync();
            cluster._prometheus = await prometheus;
            settings = settings with
            {
                RemoteWriteUrls = [cluster.Prometheus.RemoteWriteUrl, .. settings.RemoteWriteUrls],
                Environment = ClusteringOf(cluster._postgres),
                Trace = $"local: {{ path: '{cluster.Store}' }}, {settings.Trace}",
            };
            for (var i = 0; i < 3; i++)
                cluster._silos.Add(await SiloProcess.StartAsync(settings));
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>What a silo finds in its environment that is a member of a cluster with this table of members.</summary>
    public static IReadOnlyDictionary<string, string> ClusteringOf(PostgresServer postgres) => new Dictionary<string, string>
    {
        ["Orleans__ClusterId"] = "three",
        ["Orleans__ServiceId"] = "three",
        ["Orleans__Clustering__ProviderType"] = "AdoNet",
        ["Orleans__Clustering__Invariant"] = "Npgsql",
        ["Orleans__Clustering__ConnectionString"] = postgres.ConnectionString,
        ["Orleans__Endpoints__AdvertisedIPAddress"] = "127.0.0.1",
        ["Orleans__ClusterMembership__ProbeTimeout"] = "00:00:01",
        ["Orleans__ClusterMembership__NumMissedProbesLimit"] = "3",
    };

    /// <summary>The silo that writes the tenant's series, as its claim says.</summary>
    public async Task<SiloProcess> GeneratorAsync(string tenant = "single-tenant") => await Eventually.GetAsync(
        async () =>
        {
            var claim = Directory.GetFiles(Path.Combine(Store, "generators", tenant)).FirstOrDefault(static name => Path.GetFileName(name) == "all");
            if (claim is null)
                return null!;
            using var json = JsonDocument.Parse(await File.ReadAllTextAsync(claim));
            var owner = json.RootElement.GetProperty("owner").GetString()!;
            return _silos.SingleOrDefault(silo => owner.Contains($":{silo.SiloPort}", StringComparison.Ordinal))!;
        },
        static silo => silo is not null,
        _ => $"no silo has the claim of {tenant}:\n{Logs}");

    /// <summary>The sum over all series of a metric, as Prometheus has it now.</summary>
    public async Task<double> StoredAsync(string metric) => (await Prometheus.QueryAsync($"sum({metric})")).Values.FirstOrDefault();

    public async Task<double> OwnAsync(string metric)
    {
        double sum = 0;
        foreach (var silo in _silos)
            sum += (await silo.OwnMetricsAsync()).Sum(metric);
        return sum;
    }

    /// <summary>Every series of ours in Prometheus is written by one: at most one series of its labels, times that ascend, and nothing refused for its order.</summary>
    public async Task AssertOneWriterAsync()
    {
        Assert.Empty(Prometheus.OrderComplaints);
        var series = await Prometheus.RawSamplesAsync("{__name__=~\"traces_.+\"}");
        Assert.NotEmpty(series);
        foreach (var (key, samples) in series)
        {
            Assert.DoesNotContain("__metrics_gen_instance", key, StringComparison.Ordinal);
            Assert.True(samples.Zip(samples.Skip(1)).All(static pair => pair.First.Milliseconds < pair.Second.Milliseconds), key);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var silo in _silos)
            await silo.DisposeAsync();
        if (_prometheus is not null)
            await _prometheus.DisposeAsync();
        if (_postgres is not null)
            await _postgres.DisposeAsync();
        _folder.Dispose();
    }
}
