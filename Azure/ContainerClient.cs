using Azure.Core;
using Azure.Identity;
using Azure.Storage;
using Azure.Storage.Blobs;
using OrleansTempo.Core.Configuration.Storage;

namespace OrleansTempo.Azure;

/// <summary>Creates the SDK's client of the container from <c>storage.trace.azure</c>, without sending a request.</summary>
internal static class ContainerClient
{
    private const string Section = "storage.trace.azure";

    /// <exception cref="ArgumentException">A setting is missing or invalid; the message names its key and never shows a secret.</exception>
    public static BlobContainerClient Create(AzureStorageOptions options, Action<BlobClientOptions>? adjust)
    {
        if (options.ContainerName.Length == 0)
            throw new ArgumentException($"{Section}.container_name: is missing; name the container to keep traces in");

        var client = new BlobClientOptions();
        // About four seconds of waiting in all: enough for a short outage, and callers that put anything retry by themselves.
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
        RequireOneSignIn(options);
        if (options.ConnectionString.Length > 0)
            return FromConnectionString(options, client);
        if (options.StorageAccountName.Length == 0)
            throw new ArgumentException($"{Section}.storage_account_name: is missing; set it, or set connection_string");

        var address = Address(options);
        if (options.StorageAccountKey.Length > 0)
        {
            try
            {
                return new BlobServiceClient(address, new StorageSharedKeyCredential(options.StorageAccountName, options.StorageAccountKey), client);
            }
            catch (FormatException)
            {
                throw new ArgumentException($"{Section}.storage_account_key: is not base64; copy it from the account's access keys in the portal");
            }
        }

        if (address.Scheme != Uri.UriSchemeHttps)
            throw new ArgumentException($"{Section}.endpoint_suffix: '{options.EndpointSuffix}' is reached without TLS, which is allowed only with a storage_account_key");
        return new BlobServiceClient(address, Credential(options), client);
    }

    private static void RequireOneSignIn(AzureStorageOptions options)
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
                $"{Section}: has {(ways.Count == 0 ? "no way to sign in" : string.Join(" and ", ways))}; set exactly one of connection_string, storage_account_key, use_managed_identity, use_federated_token");
        }
    }

    private static BlobServiceClient FromConnectionString(AzureStorageOptions options, BlobClientOptions client)
    {
        BlobServiceClient service;
        try
        {
            service = new BlobServiceClient(options.ConnectionString, client);
        }
        catch (Exception e) when (e is FormatException or ArgumentException or InvalidOperationException)
        {
            // The SDK's own message may quote the string.
            throw new ArgumentException($"{Section}.connection_string: is not the connection string of a storage account; copy it from the account's access keys in the portal");
        }

        return options.StorageAccountName.Length == 0 || options.StorageAccountName == service.AccountName
            ? service
            : throw new ArgumentException($"{Section}.storage_account_name: '{options.StorageAccountName}' differs from the connection string's account '{service.AccountName}'; leave it out");
    }

    /// <summary>Azure's own hosts are <c>account.suffix</c> with TLS; a suffix with a port is an emulator's address, with the account in the path.</summary>
    private static Uri Address(AzureStorageOptions options)
    {
        var suffix = options.EndpointSuffix;
        var text = suffix.Contains(':') ? $"http://{suffix}/{options.StorageAccountName}" : $"https://{options.StorageAccountName}.{suffix}";
        return !suffix.Contains('/') && Uri.TryCreate(text, UriKind.Absolute, out var address)
            ? address
            : throw new ArgumentException(
                $"{Section}.endpoint_suffix: '{suffix}' after the account '{options.StorageAccountName}' does not make an address; Azure's is blob.core.windows.net, an emulator's is host:port");
    }

    private static TokenCredential Credential(AzureStorageOptions options)
    {
        var clientId = options.UserAssignedId.Length > 0 ? options.UserAssignedId : null;
        if (options.UseManagedIdentity)
            return new ManagedIdentityCredential(clientId is null ? ManagedIdentityId.SystemAssigned : ManagedIdentityId.FromUserAssignedClientId(clientId));

        var workload = new WorkloadIdentityCredentialOptions();
        // If unset, the SDK uses what Kubernetes has put into the environment.
        if (clientId is not null)
            workload.ClientId = clientId;
        return new WorkloadIdentityCredential(workload);
    }
}
