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
}
