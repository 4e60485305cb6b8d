using Azure.Core;
using Azure.Identity;
using OrleansTempo.Core;
using OrleansTempo.Core.Configuration.RemoteWrite;
using OrleansTempo.Core.RemoteWrite.Endpoint;

namespace OrleansTempo.Azure;

/// <summary>
/// Signs in at Microsoft Entra ID for an endpoint with <c>azuread</c>. The Azure SDK keeps the token and gets the next one before it ends.
/// </summary>
public sealed class AzureAdCredential : IRemoteWriteCredential
{
    private readonly TokenCredential _credential;
    private readonly TokenRequestContext _request;

    private AzureAdCredential(TokenCredential credential, string scope)
    {
        _credential = credential;
        _request = new TokenRequestContext([scope]);
    }

    /// <summary>Asks nobody anything yet.</summary>
    /// <param name="options">With one way to sign in.</param>
    public static IRemoteWriteCredential Create(AzureAdOptions options) => Create(options, static _ => { });

    /// <param name="options">With one way to sign in.</param>
    /// <param name="adjust">Changes the SDK's own options.</param>
    internal static AzureAdCredential Create(AzureAdOptions options, Action<TokenCredentialOptions> adjust)
    {
        var (authority, scope) = options.Cloud switch
        {
            AzureAdOptions.China => (AzureAuthorityHosts.AzureChina, "https://monitor.azure.cn//.default"),
            AzureAdOptions.Government => (AzureAuthorityHosts.AzureGovernment, "https://monitor.azure.us//.default"),
            _ => (AzureAuthorityHosts.AzurePublicCloud, "https://monitor.azure.com//.default"),
        };
        return new AzureAdCredential(Credential(options, authority, adjust), options.Scope.Length > 0 ? options.Scope : scope);
    }

    public async ValueTask<string> AuthorizationAsync(CancellationToken cancellation) =>
        "Bearer " + (await _credential.GetTokenAsync(_request, cancellation)).Token;

    private static TokenCredential Credential(AzureAdOptions options, Uri authority, Action<TokenCredentialOptions> adjust)
    {
        if (options.ManagedIdentity is { } identity)
        {
            var id = identity.ClientId.Length > 0 ? ManagedIdentityId.FromUserAssignedClientId(identity.ClientId) : ManagedIdentityId.SystemAssigned;
            return new ManagedIdentityCredential(Adjusted(new ManagedIdentityCredentialOptions(id), authority, adjust));
        }

        if (options.WorkloadIdentity is { } workload)
        {
            return new WorkloadIdentityCredential(Adjusted(
                new WorkloadIdentityCredentialOptions { ClientId = workload.ClientId, TenantId = workload.TenantId, TokenFilePath = workload.TokenFilePath }, authority, adjust));
        }

        if (options.Oauth is { } oauth)
            return new ClientSecretCredential(oauth.TenantId, oauth.ClientId, oauth.ClientSecret, Adjusted(new ClientSecretCredentialOptions(), authority, adjust));

        var surroundings = new DefaultAzureCredentialOptions();
        if (options.Sdk is { TenantId: { Length: > 0 } tenant })
            surroundings.TenantId = tenant;
        return new DefaultAzureCredential(Adjusted(surroundings, authority, adjust));
    }

    private static T Adjusted<T>(T options, Uri authority, Action<TokenCredentialOptions> adjust)
        where T : TokenCredentialOptions
    {
        options.AuthorityHost = authority;
        adjust(options);
        return options;
    }
}
