using Azure.Core;
using Azure.Identity;
using Azure.Storage;
using Azure.Storage.Blobs;
using OrleansTempo.Core.Configuration.Storage;

namespace OrleansTempo.Azure;

/// <summary>Makes the SDK's client of the container from <c>storage.trace.azure</c>; asks the service nothing yet.</summary>
internal static class ContainerClient
{
    private const string Section = "storage.trace.azure";

    /// <exception cref="ArgumentException">A setting is missing or cannot be right; the message names its key and never shows a secret.</exception>
    public static BlobContainerClient Create(AzureStorageOptions options, Action<BlobClientOptions>? adjust)
    {
        if (options.ContainerName.Length == 0)
            throw new ArgumentException($"{Section}.container_name: is missing; it names the container that traces are kept in");

        var client = new BlobClientOptions();
        // Some four seconds of waiting in all: enough for a moment's trouble, and whoever puts anything tries again by itself.
        client.Retry.Mode = RetryMode.Exponential;
        client.Retry.MaxRetries = 4;
        client.Retry.Delay = TimeSpan.FromMilliseconds(250);
        client.Retry.MaxDelay = TimeSpan.FromSeconds(10);
        client.Retry.NetworkTimeout = TimeSpan.FromSeconds(30);
        client.Diagnostics.ApplicationId = "OrleansTempo";
        adjust?.Invoke(client);

        return Service(options, client).GetBlobContainerClient(options.ContainerName);
    }

    private static BlobServiceClient Service(AzureStorageOptions options, BlobClientOptions client)
    {
        RequireOneWay(options);
        if (options.ConnectionString.Length > 0)
            return ByConnectionString(options, client);
        if (options.StorageAccountName.Length == 0)
            throw new ArgumentException($"{Section}.storage_account_name: is missing; give it, or a connection_string");

        var address = Address(options);
        if (options.StorageAccountKey.Length > 0)
        {
            try
            {
                return new BlobServiceClient(address, new StorageSharedKeyCredential(options.StorageAccountName, options.StorageAccountKey), client);
            }
            catch (FormatException)
            {
                throw new ArgumentException($"{Section}.storage_account_key: is not in base64; copy it from the account's access keys in the portal");
            }
        }

        if (address.Scheme != Uri.UriSchemeHttps)
            throw new ArgumentException($"{Section}.endpoint_suffix: '{options.EndpointSuffix}' is spoken to without TLS, where only a storage_account_key is accepted");
        return new BlobServiceClient(address, Credential(options), client);
    }

    private static void RequireOneWay(AzureStorageOptions options)
    {
        List<string> ways = [];
        if (options.ConnectionString.Length > 0)
            ways.Add("connection_string");
        if (options.StorageAccountKey.Length > 0)
            ways.Add("storage_account_key");
        if (options.UseManagedIdentity)
            ways.Add("use_managed_identity");
        if (options.UseFederatedToken)
            ways.Add("use_federated_token");
        if (ways.Count != 1)
        {
            throw new ArgumentException(
                $"{Section}: has {(ways.Count == 0 ? "no way to sign in" : string.Join(" and ", ways))}; allowed is one of connection_string, storage_account_key, use_managed_identity, use_federated_token");
        }
    }

    private static BlobServiceClient ByConnectionString(AzureStorageOptions options, BlobClientOptions client)
    {
        BlobServiceClient service;
        try
        {
            service = new BlobServiceClient(options.ConnectionString, client);
        }
        catch (Exception e) when (e is FormatException or ArgumentException or InvalidOperationException)
        {
            // The SDK's own text may quote the string.
            throw new ArgumentException($"{Section}.connection_string: is no connection string of a storage account; copy it from the account's access keys in the portal");
        }

        return options.StorageAccountName.Length == 0 || options.StorageAccountName == service.AccountName
            ? service
            : throw new ArgumentException($"{Section}.storage_account_name: '{options.StorageAccountName}' is another than the connection string's '{service.AccountName}'; leave it out");
    }

    /// <summary>Azure's own hosts are <c>account.suffix</c> with TLS; a suffix with a port is an emulator's address, with the account in the path.</summary>
    private static Uri Address(AzureStorageOptions options)
    {
        var suffix = options.EndpointSuffix;
        var text = suffix.Contains(':') ? $"http://{suffix}/{options.StorageAccountName}" : $"https://{options.StorageAccountName}.{suffix}";
        return !suffix.Contains('/') && Uri.TryCreate(text, UriKind.Absolute, out var address)
            ? address
            : throw new ArgumentException(
                $"{Section}.endpoint_suffix: '{suffix}' after the account '{options.StorageAccountName}' makes no address; Azure's is blob.core.windows.net, an emulator's is host:port");
    }

    private static TokenCredential Credential(AzureStorageOptions options)
    {
        var clientId = options.UserAssignedId.Length > 0 ? options.UserAssignedId : null;
        if (options.UseManagedIdentity)
            return new ManagedIdentityCredential(clientId is null ? ManagedIdentityId.SystemAssigned : ManagedIdentityId.FromUserAssignedClientId(clientId));

        var workload = new WorkloadIdentityCredentialOptions();
        // Unset, it is what Kubernetes has put into the environment.
        if (clientId is not null)
            workload.ClientId = clientId;
        return new WorkloadIdentityCredential(workload);
    }
}
