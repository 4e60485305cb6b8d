using System.Net;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.GrainDirectory;
using Orleans.Storage;
using OrleansTempo.Core.Objects;
using OrleansTempo.Silo.Configuration;
using OrleansTempo.Silo.Providers;

namespace OrleansTempo.Cluster.Configuration;

public class OrleansDefaultsTests
{
    [Fact]
    public void Without_settings_a_silo_is_a_cluster_of_its_own_on_loopback()
    {
        using var host = Build([]);
        var endpoints = Options<EndpointOptions>(host);

        Assert.Equal((IPAddress.Loopback, 11111, 30000), (endpoints.AdvertisedIPAddress, endpoints.SiloPort, endpoints.GatewayPort));
        Assert.Equal(new IPEndPoint(IPAddress.Loopback, 11111), Options<DevelopmentClusterMembershipOptions>(host).PrimarySiloEndpoint);
        Assert.Equal(("default", "default"), (Options<ClusterOptions>(host).ClusterId, Options<ClusterOptions>(host).ServiceId));
        Assert.IsType<ObjectStoreGrainStorage>(host.Services.GetRequiredKeyedService<IGrainStorage>("generators"));
    }

    [Fact]
    public void Configured_settings_are_left_as_they_are()
    {
        using var host = Build(new()
        {
            ["ClusterId"] = "blue",
            ["ServiceId"] = "tempo",
            ["Endpoints:AdvertisedIPAddress"] = "10.0.0.7",
            ["Endpoints:SiloPort"] = "1",
            ["Endpoints:GatewayPort"] = "2",
            ["Clustering:ProviderType"] = "Development",
            ["Clustering:PrimarySiloEndPoint"] = "10.0.0.8:1",
            ["GrainStorage:generators:ProviderType"] = "AdoNet",
            ["GrainStorage:generators:Invariant"] = "Npgsql",
            ["GrainStorage:generators:ConnectionString"] = "Host=10.0.0.9",
        });
        var endpoints = Options<EndpointOptions>(host);

        Assert.Equal((IPAddress.Parse("10.0.0.7"), 1, 2), (endpoints.AdvertisedIPAddress, endpoints.SiloPort, endpoints.GatewayPort));
        Assert.Equal(IPEndPoint.Parse("10.0.0.8:1"), Options<DevelopmentClusterMembershipOptions>(host).PrimarySiloEndpoint);
        Assert.Equal(("blue", "tempo"), (Options<ClusterOptions>(host).ClusterId, Options<ClusterOptions>(host).ServiceId));
        Assert.IsType<AdoNetGrainStorage>(host.Services.GetRequiredKeyedService<IGrainStorage>("generators"));
    }

    [Fact]
    public void The_directory_hands_its_parts_over_and_holds_no_grain_back_after_a_silo_has_died()
    {
        using var host = Build([]);

        Assert.Equal("DistributedGrainDirectory", host.Services.GetRequiredKeyedService<IGrainDirectory>(GrainDirectoryAttribute.DEFAULT_GRAIN_DIRECTORY).GetType().Name);
        Assert.Equal(TimeSpan.Zero, Options<GrainDirectoryOptions>(host).RangeLeaseDuration);
    }

    [Fact]
    public void A_lost_silo_is_found_within_ten_seconds()
    {
        using var host = Build([]);
        var membership = Options<ClusterMembershipOptions>(host);

        // The wait for the next probe, two direct ones, and one through another silo, which may take twice as long.
        Assert.True(membership.MinProbeTimeout * (1 + membership.NumMissedProbesLimit + 1) < TimeSpan.FromSeconds(10));
        Assert.False(membership.EnableConnectionLivenessCheck);
        Assert.Equal(TimeSpan.FromSeconds(10), membership.TableRefreshTimeout);
    }

    [Fact]
    public void Membership_and_messaging_take_orleans_options_by_their_names()
    {
        using var host = Build(new()
        {
            ["ClusterMembership:ProbeTimeout"] = "00:00:02",
            ["ClusterMembership:NumMissedProbesLimit"] = "5",
            ["ClusterMembership:EnableConnectionLivenessCheck"] = "true",
            ["Messaging:ResponseTimeout"] = "00:00:07",
        });
        var membership = Options<ClusterMembershipOptions>(host);

        Assert.Equal((TimeSpan.FromSeconds(2), 5, true), (membership.ProbeTimeout, membership.NumMissedProbesLimit, membership.EnableConnectionLivenessCheck));
        Assert.Equal(new ClusterMembershipOptions().NumVotesForDeathDeclaration, membership.NumVotesForDeathDeclaration);
        Assert.Equal(TimeSpan.FromSeconds(7), Options<SiloMessagingOptions>(host).ResponseTimeout);
    }

    private static T Options<T>(IHost host) where T : class => host.Services.GetRequiredService<IOptions<T>>().Value;

    private static IHost Build(Dictionary<string, string?> orleans)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration.AddInMemoryCollection(orleans.Select(static s => new KeyValuePair<string, string?>("Orleans:" + s.Key, s.Value)));
        builder.Services.AddSingleton<IObjectStore>(new InMemoryObjectStore());
        builder.UseOrleans(OrleansDefaults.Apply);
        return builder.Build();
    }
}
