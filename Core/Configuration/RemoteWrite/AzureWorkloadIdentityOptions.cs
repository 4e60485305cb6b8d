namespace OrleansTempo.Core.Configuration.RemoteWrite;

/// <summary><c>azuread.workload_identity</c>: the identity of a Kubernetes service account.</summary>
public sealed record AzureWorkloadIdentityOptions
{
    public string ClientId { get; init; } = "";
    public string TenantId { get; init; } = "";
    public string TokenFilePath { get; init; } = "/var/run/secrets/azure/tokens/azure-identity-token";
}
