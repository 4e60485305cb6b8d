using System.Net;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Storage;

namespace OrleansTempo.Cluster.Harness;

/// <summary>
/// A silo in the test's own process that knows its cluster by Orleans' configuration alone, as a silo in production does. Every
/// one has ports of its own on loopback, and takes a silent neighbour for dead after few seconds.
/// </summary>
internal sealed class TestSilo : IAsyncDisposable
{
    // For a start or a stop, of which Orleans limits the parts, but not the whole.
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private readonly IHost _host;
    private bool _stopped;

    private TestSilo(IHost host) => _host = host;

    public IServiceProvider Services => _host.Services;

    public IGrainFactory Grains => Services.GetRequiredService<IGrainFactory>();

    public IMembershipTable Membership => Services.GetRequiredService<IMembershipTable>();

    public SiloAddress Address => Services.GetRequiredService<ILocalSiloDetails>().SiloAddress;

    public IGrainStorage Storage(string name) => Services.GetRequiredKeyedService<IGrainStorage>(name);

    /// <param name="settings">The <c>Orleans:</c> section, keys below it without that beginning.</param>
    /// <param name="configure">What the providers need that is no configuration.</param>
    public static TestSilo Create(IEnumerable<KeyValuePair<string, string?>> settings, Action<IServiceCollection>? configure = null)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration.AddInMemoryCollection(
            settings.Concat(
            [
                new("Endpoints:AdvertisedIPAddress", $"{IPAddress.Loopback}"),
                new("Endpoints:SiloPort", $"{FreePorts.Next()}"),
                new("Endpoints:GatewayPort", $"{FreePorts.Next()}"),
            ]).Select(setting => new KeyValuePair<string, string?>($"Orleans:{setting.Key}", setting.Value)));
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        configure?.Invoke(builder.Services);
        builder.Services.Configure<ClusterMembershipOptions>(options =>
        {
            options.ProbeTimeout = TimeSpan.FromSeconds(1);
            options.TableRefreshTimeout = TimeSpan.FromSeconds(2);
            options.NumMissedProbesLimit = 2;
        });
        builder.UseOrleans();
        return new TestSilo(builder.Build());
    }

    public static async Task<TestSilo> StartAsync(IEnumerable<KeyValuePair<string, string?>> settings, Action<IServiceCollection>? configure = null)
    {
        var silo = Create(settings, configure);
        try
        {
            await silo._host.StartAsync().WaitAsync(Limit);
            return silo;
        }
        catch
        {
            await silo.DisposeAsync();
            throw;
        }
    }

    /// <summary>Ends it at once: nothing is handed over.</summary>
    public async Task KillAsync()
    {
        _stopped = true;
        await _host.StopAsync(new CancellationToken(canceled: true)).WaitAsync(Limit);
    }

    /// <summary>Asks this silo until it sees as many active ones, itself among them.</summary>
    public Task<Dictionary<SiloAddress, SiloStatus>> SeesActiveAsync(int count) =>
        Eventually.GetAsync(
            () => Grains.GetGrain<IManagementGrain>(0).GetHosts(onlyActive: true),
            hosts => hosts.Count == count,
            hosts => $"{count} active silos were expected, there are {string.Join(", ", hosts)}");

    public async ValueTask DisposeAsync()
    {
        if (!_stopped)
            await _host.StopAsync().WaitAsync(Limit);
        if (_host is IAsyncDisposable host)
            await host.DisposeAsync().AsTask().WaitAsync(Limit);
    }
}
