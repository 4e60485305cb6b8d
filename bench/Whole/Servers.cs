using System.Globalization;
using OrleansTempo.Integration.Harness;

namespace OrleansTempo.Bench.Whole;

/// <summary>The servers that a row measures: a single silo, or three silos on one object store. Queries that any silo can answer go to the first.</summary>
internal sealed class Servers : IAsyncDisposable
{
    private const int Silos = 3;

    private readonly List<ServerProcess> _all = [];

    private Servers()
    {
    }

    public IReadOnlyList<ServerProcess> All => _all;

    public ServerProcess First => _all[0];

    public IReadOnlyList<int> ProcessIds => [.. _all.Select(static server => server.ProcessId)];

    /// <param name="http">The client that polls whether they are ready.</param>
    /// <param name="host"><c>silo</c> or <c>silos</c>.</param>
    /// <param name="wal">Where the write-ahead log is: <c>file</c> or <c>object</c>.</param>
    /// <param name="settings">Their <c>tempo.yaml</c> without <c>server</c>, <c>distributor</c> and <c>storage</c>.</param>
    public static async Task<Servers> StartAsync(HttpClient http, string host, string wal, string settings)
    {
        var servers = new Servers();
        try
        {
            var store = "data/blocks";
            var primary = FreePorts.Next();
            for (var i = 0; i < (host == "silos" ? Silos : 1); i++)
            {
                servers._all.Add(await ServerProcess.StartAsync(
                    http,
                    $"{settings}\nstorage:\n  trace:\n    local:\n      path: {store}\n    wal:\n      type: {wal}\n",
                    i == 0 ? primary : FreePorts.Next(),
                    host == "silos" ? Clustering(primary) : []));
                store = servers.First.Store;
            }

            return servers;
        }
        catch
        {
            await servers.DisposeAsync();
            throw;
        }
    }

    /// <summary>The sum of a metric over all of them.</summary>
    public async Task<double> OwnAsync(HttpClient http, string metric)
    {
        double sum = 0;
        foreach (var server in _all)
            sum += SeriesValues.Parse(await http.GetStringAsync(server.Api("/metrics"))).Sum(metric);
        return sum;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _all)
            await server.DisposeAsync();
    }

    private static Dictionary<string, string> Clustering(int primary) => new()
    {
        ["Orleans__Clustering__ProviderType"] = "Development",
        ["Orleans__Clustering__PrimarySiloEndPoint"] = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{primary}"),
        ["Orleans__Endpoints__AdvertisedIPAddress"] = "127.0.0.1",
    };
}
