using Azure.Data.Tables;
using Azure.Identity;
using Azure.Storage.Blobs;
using Microsoft.Extensions.DependencyInjection;

namespace OrleansTempo.Silo.Providers;

/// <summary>
/// Lets Orleans' Azure providers sign in with a managed identity. Their configuration can name a client among the silo's services by
/// <c>ServiceKey</c>, but has no key for an identity. So the address of the service is the key, and its client is created on demand:
/// <code>
/// Orleans:Clustering:ServiceKey            https://acme.table.core.windows.net
/// Orleans:GrainStorage:Default:ServiceKey  https://acme.blob.core.windows.net
/// </code>
/// </summary>
internal static class AzureServiceClients
{
    public static IServiceCollection AddAzureServiceClients(this IServiceCollection services)
    {
        // One credential for all clients, because it caches the tokens. AZURE_CLIENT_ID names a user-assigned identity.
        var credential = new DefaultAzureCredential();
        services.AddKeyedSingleton(KeyedService.AnyKey, (_, key) => new TableServiceClient(Address(key), credential));
        services.AddKeyedSingleton(KeyedService.AnyKey, (_, key) => new BlobServiceClient(Address(key), credential));
        return services;
    }

    private static Uri Address(object? key) =>
        Uri.TryCreate(key as string, UriKind.Absolute, out var address) && address.Scheme == Uri.UriSchemeHttps
            ? address
            : throw new ArgumentException(
                $"ServiceKey '{key}' in the Orleans section is not the https address of a storage account's service, such as https://acme.table.core.windows.net");
}
