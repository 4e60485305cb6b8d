namespace OrleansTempo.Core.Configuration.Storage;

/// <summary>
/// <c>storage.trace.azure</c>: a container of Azure Blob Storage, and who we are there. One way of signing in is to be
/// given: a connection string, an account with its key, or an account with a managed identity or a federated token.
/// </summary>
public sealed record AzureStorageOptions
{
    public string StorageAccountName { get; init; } = "";

    [Secret]
    public string StorageAccountKey { get; init; } = "";

    /// <summary>Address, account and key in one, as the portal shows it; the other settings of the account are then left out.</summary>
    [Secret]
    public string ConnectionString { get; init; } = "";

    public string ContainerName { get; init; } = "";

    /// <summary>A folder in the container under which everything is kept; empty for the container itself.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>What follows the account's name in its address; other clouds have others.</summary>
    [Option(EmptyIsDefault = true)]
    public string EndpointSuffix { get; init; } = "blob.core.windows.net";

    /// <summary>Sign in as the identity that Azure gives to the machine, the container app or the function.</summary>
    public bool UseManagedIdentity { get; init; }

    /// <summary>The client ID of a user-assigned identity; empty for the system-assigned one.</summary>
    public string UserAssignedId { get; init; } = "";

    /// <summary>Sign in by the token that Kubernetes puts into the pod (workload identity).</summary>
    public bool UseFederatedToken { get; init; }

    /// <summary>The name alone: a record's own text would show the secret.</summary>
    public override string ToString() => nameof(AzureStorageOptions);
}
