using System.Net;
using Microsoft.Extensions.Configuration;
using Orleans.Configuration;
using OrleansTempo.Grains;

namespace OrleansTempo.Silo.Configuration;

/// <summary>
/// The keys of the <c>Orleans:</c> section: those that Orleans 10.4 reads by itself, and <c>ClusterMembership</c>, which
/// <see cref="OrleansDefaults"/> reads. Another version of Orleans or another provider needs a change here.
/// </summary>
internal static class OrleansKeys
{
    public const string Section = "Orleans";

    private const string ProviderType = "ProviderType";

    private static readonly string[] s_azure = ["ServiceKey", "ConnectionString", "ConnectionName"];
    private static readonly string[] s_adoNet = ["Invariant", "ConnectionString", "ConnectionName"];

    private static readonly SettingKey s_ipEndPoint = SettingKey.Parsed("an IP address and a port, such as 0.0.0.0:11111", static text => IPEndPoint.TryParse(text, out _));

    private static readonly Dictionary<string, string[]> s_clustering = new()
    {
        ["Development"] = ["PrimarySiloEndPoint"],
        ["AdoNet"] = s_adoNet,
        ["AzureTableStorage"] = [.. s_azure, "TableName"],
    };

    private static readonly Dictionary<string, string[]> s_grainStorage = new()
    {
        ["ObjectStore"] = [],
        ["AdoNet"] = [.. s_adoNet, "SerializerKey"],
        ["AzureBlobStorage"] = [.. s_azure, "ContainerName", "SerializerKey"],
        ["AzureTableStorage"] = [.. s_azure, "TableName", "SerializerKey"],
        ["Memory"] = ["NumStorageGrains", "SerializerKey"],
    };

    // Orleans also has these, but no grain of this program uses them.
    private static readonly Dictionary<string, string[]> s_reminders = new() { ["Memory"] = [] };

    public static SettingKey All { get; } = SettingKey.Keys(new Dictionary<string, SettingKey>(StringComparer.OrdinalIgnoreCase)
    {
        ["Clustering"] = Provider(s_clustering),
        ["Endpoints"] = SettingKey.Keys(new Dictionary<string, SettingKey>(StringComparer.OrdinalIgnoreCase)
        {
            ["AdvertisedIPAddress"] = SettingKey.Parsed("an IP address", static text => IPAddress.TryParse(text, out _)),
            ["SiloPort"] = Port(1),
            ["GatewayPort"] = Port(0),
            ["SiloListeningEndpoint"] = s_ipEndPoint,
            ["GatewayListeningEndpoint"] = s_ipEndPoint,
        }),
        ["Messaging"] = SettingKey.Of<SiloMessagingOptions>(),
        ["ClusterMembership"] = SettingKey.Of<ClusterMembershipOptions>(),
        ["GrainStorage"] = SettingKey.Keys(new Dictionary<string, SettingKey>(StringComparer.OrdinalIgnoreCase)
        {
            [MetricsGeneratorGrain.StorageName] = Provider(s_grainStorage),
        }),
        ["Reminders"] = Provider(s_reminders),
        ["ClusterId"] = SettingKey.Value,
        ["ServiceId"] = SettingKey.Value,
        ["Name"] = SettingKey.Value,
        ["EnableDistributedTracing"] = SettingKey.Parsed("true or false", static text => bool.TryParse(text, out _)),
    });

    private static SettingKey Port(int least) =>
        SettingKey.Parsed($"a port from {least} to 65535", text => ushort.TryParse(text, out var port) && port >= least);

    // For an unknown provider, Orleans' own error lists the known ones, which is enough.
    private static SettingKey Provider(Dictionary<string, string[]> providers) => SettingKey.Keys(section =>
        SettingKey.Values([
            ProviderType,
            .. section[ProviderType] is { } type && providers.TryGetValue(type, out var keys) ? keys : providers.Values.SelectMany(static k => k).Distinct(),
        ]));
}
