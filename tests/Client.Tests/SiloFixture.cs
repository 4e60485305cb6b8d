using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.TestingHost;

namespace OrleansTempo.Client.Tests;

/// <summary>A silo with the fake grains, and applications that are its clients over TCP as any other.</summary>
public sealed class SiloFixture : IAsyncLifetime
{
    private readonly TestCluster _cluster = new TestClusterBuilder(1) { Options = { ConnectionTransport = ConnectionTransportType.TcpSocket } }.Build();

    public Task InitializeAsync() => _cluster.DeployAsync();

    public Task DisposeAsync() => _cluster.DisposeAsync().AsTask();

    /// <summary>An application with an Orleans client, not yet built.</summary>
    internal HostApplicationBuilder Application()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Logging.ClearProviders();
        builder.UseOrleansClient(client => client
            .UseStaticClustering(new IPEndPoint(IPAddress.Loopback, _cluster.Options.BaseGatewayPort))
            .Configure<ClusterOptions>(options => (options.ClusterId, options.ServiceId) = (_cluster.Options.ClusterId, _cluster.Options.ServiceId)));
        return builder;
    }

    /// <summary>An application that runs, with a client for that tenant.</summary>
    internal async Task<IHost> StartAsync(string tenant)
    {
        var builder = Application();
        builder.Services.AddOrleansTempoClient(options => options.Tenant = tenant);
        var host = builder.Build();
        await host.StartAsync();
        return host;
    }
}
