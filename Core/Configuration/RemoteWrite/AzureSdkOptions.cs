namespace OrleansTempo.Core.Configuration.RemoteWrite;

/// <summary><c>azuread.sdk</c>: whatever identity the Azure SDK finds in the process's surroundings.</summary>
public sealed record AzureSdkOptions
{
    public string TenantId { get; init; } = "";
}
