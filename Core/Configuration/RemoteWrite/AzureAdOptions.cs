namespace OrleansTempo.Core.Configuration.RemoteWrite;

/// <summary><c>azuread</c>: signs in at Microsoft Entra ID, for Azure Monitor's managed Prometheus. Exactly one of the four ways to sign in is set.</summary>
public sealed record AzureAdOptions
{
    public const string Public = "AzurePublic";
    public const string China = "AzureChina";
    public const string Government = "AzureGovernment";

    public string Cloud { get; init; } = Public;

    /// <summary>What the token is asked for; Azure Monitor of <see cref="Cloud"/> when empty.</summary>
    public string Scope { get; init; } = "";

    public AzureManagedIdentityOptions? ManagedIdentity { get; init; }

    public AzureWorkloadIdentityOptions? WorkloadIdentity { get; init; }

    public AzureOauthOptions? Oauth { get; init; }

    public AzureSdkOptions? Sdk { get; init; }
}
