using System.Net;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Orleans.Storage;
using OrleansTempo.Grains;
using OrleansTempo.Silo.Providers;

namespace OrleansTempo.Silo.Configuration;

/// <summary>
/// The defaults for the <c>Orleans:</c> section, and its keys that Orleans does not read by itself. Without <c>Orleans:Clustering</c>, a
/// silo is a cluster of its own on the loopback address.
/// </summary>
internal static class OrleansDefaults
{
    /// <summary>Whether the silo is configured to find others.</summary>
    public static bool HasOthers(IConfiguration configuration) => configuration.GetSection($"{OrleansKeys.Section}:Clustering").Exists();

    public static void Apply(ISiloBuilder silo)
    {
        var orleans = silo.Configuration.GetSection(OrleansKeys.Section);
        if (!HasOthers(silo.Configuration))
        {
            silo.UseDevelopmentClustering((IPEndPoint?)null);
            silo.Configure<EndpointOptions>(endpoints =>
            {
                if (orleans["Endpoints:AdvertisedIPAddress"] is null)
                    endpoints.AdvertisedIPAddress = IPAddress.Loopback;
            });
        }

        if (!orleans.GetSection($"GrainStorage:{MetricsGeneratorGrain.StorageName}").Exists())
        {
            silo.AddObjectStoreGrainStorage(MetricsGeneratorGrain.StorageName);

            // As JSON, Orleans' own default, the bytes of a snapshot would take a third more.
            silo.Services.AddKeyedSingleton<IGrainStorageSerializer>(
                MetricsGeneratorGrain.StorageName, static (services, _) => ActivatorUtilities.CreateInstance<OrleansGrainStorageSerializer>(services));
        }

        AddDirectory(silo);

        // Of all silos, the one that has fewest grains takes the next, and not the better of two. What cannot be foreseen, GrainBalancer makes good.
        silo.Services.Configure<ActivationCountBasedPlacementOptions>(static options => options.ChooseOutOf = int.MaxValue);
        silo.Services.Configure<ClusterMembershipOptions>(FindLostSilosSoon);
        silo.Services.Configure<ClusterMembershipOptions>(orleans.GetSection("ClusterMembership"));
    }

    // A silo that others cannot reach is declared dead within 10 s. Half of the probe timeout is the least, which is what a healthy cluster has soon:
    // two direct probes, and one through another silo.
    private static void FindLostSilosSoon(ClusterMembershipOptions membership)
    {
        membership.ProbeTimeout = TimeSpan.FromSeconds(3);

        // A connection that has just carried something from a silo says nothing about the way to it, and would put off every vote.
        membership.EnableConnectionLivenessCheck = false;

        // A silo that nobody can tell so finds in the table that it was declared dead.
        membership.TableRefreshTimeout = TimeSpan.FromSeconds(10);
    }

    // Orleans' default directory forgets what a terminating silo knew, also of grains in other silos, and each of those begins a second time. This
    // one hands its parts over; see docs/decisions/0015.
    private static void AddDirectory(ISiloBuilder silo)
    {
#pragma warning disable ORLEANSEXP003 // Experimental in Orleans 10, which keeps it compatible with the default one during a rolling upgrade.
        silo.AddDistributedGrainDirectory();
#pragma warning restore ORLEANSEXP003

        // After a silo has died, the directory would not place its grains for up to 30 s, in case it still runs. Our grains have no need of that: a
        // generator's claim has a lease of its own, and spans are a set.
        silo.Services.Configure<GrainDirectoryOptions>(static options => options.RangeLeaseDuration = TimeSpan.Zero);
    }
}
