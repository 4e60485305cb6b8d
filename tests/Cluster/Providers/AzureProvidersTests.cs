using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans.Clustering.AzureStorage;
using Orleans.Configuration;
using OrleansTempo.Cluster.Harness;
using OrleansTempo.Silo.Providers;

namespace OrleansTempo.Cluster.Providers;

/// <summary>Orleans' own providers for Azure, against Azurite.</summary>
public sealed class AzureProvidersTests
{
    [AzuriteFact]
    public async Task Silos_find_each_other_in_a_table_and_share_grain_state_in_a_container()
    {
        await using var azurite = await AzuriteProcess.StartAsync(withTables: true);
        var settings = new Dictionary<string, string?>
        {
            ["ClusterId"] = "cluster",
            ["ServiceId"] = "service",
            ["Clustering:ProviderType"] = "AzureTableStorage",
            ["Clustering:ConnectionString"] = azurite.ConnectionString,
            ["Clustering:TableName"] = "silos",
            ["GrainStorage:Default:ProviderType"] = "AzureBlobStorage",
            ["GrainStorage:Default:ConnectionString"] = azurite.ConnectionString,
            ["GrainStorage:Default:ContainerName"] = "grains",
        };
        await using var first = await TestSilo.StartAsync(settings);
        await using var second = await TestSilo.StartAsync(settings);
        await first.SeesActiveAsync(2);
        await second.SeesActiveAsync(2);

        await GrainStorageContract.HoldsAsync(first.Storage("Default"), second.Storage("Default"));
        await GrainStorageContract.OneOfManyWinsAsync(first.Storage("Default"), second.Storage("Default"));
        await GrainStorageContract.OrphansAreOverwrittenAsync(first.Storage("Default"), second.Storage("Default"));

        await second.KillAsync();
        await first.SeesActiveAsync(1);
    }

    [Fact]
    public async Task A_service_key_is_the_address_of_a_service_for_a_managed_identity()
    {
        await using var silo = Create("https://acme.table.core.windows.net", "https://acme.blob.core.windows.net");

        var tables = silo.Services.GetRequiredService<IOptions<AzureStorageClusteringOptions>>().Value.TableServiceClient;
        Assert.Equal(new Uri("https://acme.table.core.windows.net"), tables?.Uri);
        var blobs = silo.Services.GetRequiredService<IOptionsMonitor<AzureBlobStorageOptions>>().Get("Default").BlobServiceClient;
        Assert.Equal(new Uri("https://acme.blob.core.windows.net"), blobs?.Uri);
    }

    [Theory]
    [InlineData("acme")]
    [InlineData("http://acme.table.core.windows.net")]
    public async Task A_service_key_that_is_not_an_address_is_refused_with_its_value(string key)
    {
        await using var silo = Create(key, "https://acme.blob.core.windows.net");

        var error = Assert.Throws<ArgumentException>(() => silo.Services.GetRequiredService<IOptions<AzureStorageClusteringOptions>>().Value);
        Assert.Contains($"ServiceKey '{key}' in the Orleans section is not", error.Message);
    }

    private static TestSilo Create(string tables, string blobs) => TestSilo.Create(
        new Dictionary<string, string?>
        {
            ["Clustering:ProviderType"] = "AzureTableStorage",
            ["Clustering:ServiceKey"] = tables,
            ["GrainStorage:Default:ProviderType"] = "AzureBlobStorage",
            ["GrainStorage:Default:ServiceKey"] = blobs,
        },
        services => services.AddAzureServiceClients());
}
