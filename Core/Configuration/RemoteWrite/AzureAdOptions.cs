namespace OrleansTempo.Core.Configuration.RemoteWrite;

/// <summary><c>azuread</c>: signs in at Microsoft Entra ID, for Azure Monitor's managed Prometheus. Exactly one of the four ways to sign in is set.</summary>
public sealed record AzureAdOptions
{
    public const string Public = "AzurePublic";
    public const string China = "AzureChina";
    public const string Government = "AzureGovernment";

    [Option(IsSpecial = true)]
    public string Cloud { get; init; } = Public;

    /// <summary>What the token is asked for; Azure Monitor of <see cref="Cloud"/> when empty.</summary>
    public string Scope { get; init; } = "";

    public AzureManagedIdentityOptions? ManagedIdentity { get; init; }

    public AzureWorkloadIdentityOptions? WorkloadIdentity { get; init; }

    public AzureOauthOptions? Oauth { get; init; }

    public AzureSdkOptions? Sdk { get; init; }
}

/// <summary><c>azuread.managed_identity</c>: the identity of the machine, the container or the application.</summary>
public sealed record AzureManagedIdentityOptions
{
    /// <summary>Of a user-assigned identity; the system-assigned one when empty.</summary>
    public string ClientId { get; init; } = "";
}

/// <summary><c>azuread.workload_identity</c>: the identity of a Kubernetes service account.</summary>
public sealed record AzureWorkloadIdentityOptions
{
    public string ClientId { get; init; } = "";
    public string TenantId { get; init; } = "";

    [Option(EmptyIsDefault = true)]
    public string TokenFilePath { get; init; } = "/var/run/secrets/azure/tokens/azure-identity-token";
}

/// <summary><c>azuread.oauth</c>: an application's client ID and secret.</summary>
public sealed record AzureOauthOptions
{
    public string ClientId { get; init; } = "";

    [Secret]
    public string ClientSecret { get; init; } = "";

    public string TenantId { get; init; } = "";

    /// <summary>The name alone: a record's own text would show the secret.</summary>
    public override string ToString() => nameof(AzureOauthOptions);
}

/// <summary><c>azuread.sdk</c>: whatever identity the Azure SDK finds in the process's surroundings.</summary>
public sealed record AzureSdkOptions
{
    public string TenantId { get; init; } = "";
}
