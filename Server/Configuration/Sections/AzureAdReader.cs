using OrleansTempo.Core.Configuration.RemoteWrite;
using OrleansTempo.Core.RemoteWrite.Endpoint;
using OrleansTempo.Server.Configuration.Reading;

namespace OrleansTempo.Server.Configuration.Sections;

/// <summary><c>azuread</c> of an entry of <c>remote_write</c>, with the keys and the rules of Prometheus.</summary>
internal static class AzureAdReader
{
    private static readonly (string, string)[] Clouds =
    [
        ("", AzureAdOptions.Public), (AzureAdOptions.Public, AzureAdOptions.Public), (AzureAdOptions.China, AzureAdOptions.China), (AzureAdOptions.Government, AzureAdOptions.Government),
    ];

    /// <summary>Null where the block is not there.</summary>
    public static AzureAdOptions? Read(MappingReader azure)
    {
        if (!azure.Present)
            return null;

        var options = azure.Options(new AzureAdOptions()) with
        {
            Cloud = azure.Choice("cloud", AzureAdOptions.Public, Clouds),
            ManagedIdentity = ReadManagedIdentity(azure.Mapping("managed_identity")),
            WorkloadIdentity = ReadWorkloadIdentity(azure.Mapping("workload_identity")),
            Oauth = ReadOauth(azure.Mapping("oauth")),
            Sdk = ReadSdk(azure.Mapping("sdk")),
        };
        azure.Done();
        if (!options.Scope.All(static c => char.IsAsciiLetterOrDigit(c) || "_ :/.-".Contains(c)))
            azure.Error("scope", $"{Spelling.Quote(options.Scope)} is not a scope; allowed are letters, digits, spaces and _:/.-");

        (string Key, bool Present)[] all =
        [
            ("managed_identity", options.ManagedIdentity is not null), ("workload_identity", options.WorkloadIdentity is not null),
            ("oauth", options.Oauth is not null), ("sdk", options.Sdk is not null),
        ];
        var ways = all.Where(static way => way.Present).Select(static way => way.Key).ToArray();
        if (ways.Length == 0)
            azure.Error("managed_identity", "is missing, and so is every other way to sign in; allowed is one of managed_identity, workload_identity, oauth, sdk");
        if (ways.Length > 1)
            azure.Error(ways[1], $"stands beside {ways[0]}; allowed is one of managed_identity, workload_identity, oauth, sdk");
        return options;
    }

    private static AzureManagedIdentityOptions? ReadManagedIdentity(MappingReader identity)
    {
        if (!identity.Present)
            return null;

        var options = identity.Options(new AzureManagedIdentityOptions());
        identity.Done();
        CheckId(identity, "client_id", options.ClientId, required: false);
        return options;
    }

    private static AzureWorkloadIdentityOptions? ReadWorkloadIdentity(MappingReader identity)
    {
        if (!identity.Present)
            return null;

        var options = identity.Options(new AzureWorkloadIdentityOptions());
        identity.Done();
        CheckId(identity, "client_id", options.ClientId, required: true);
        CheckId(identity, "tenant_id", options.TenantId, required: true);
        return options;
    }

    private static AzureOauthOptions? ReadOauth(MappingReader oauth)
    {
        if (!oauth.Present)
            return null;

        var options = oauth.Options(new AzureOauthOptions());
        oauth.Done();
        CheckId(oauth, "client_id", options.ClientId, required: true);
        if (options.ClientSecret.Length == 0)
            oauth.Error("client_secret", "is missing");
        if (HeaderField.CredentialProblem(options.ClientSecret) is { } problem)
            oauth.Error("client_secret", $"the value {problem}");
        CheckTenant(oauth, options.TenantId, required: true);
        return options;
    }

    private static AzureSdkOptions? ReadSdk(MappingReader sdk)
    {
        if (!sdk.Present)
            return null;

        var options = sdk.Options(new AzureSdkOptions());
        sdk.Done();
        CheckTenant(sdk, options.TenantId, required: false);
        return options;
    }

    private static void CheckId(MappingReader block, string key, string id, bool required)
    {
        if (id.Length == 0 && required)
            block.Error(key, "is missing; allowed is a UUID");
        else if (id.Length > 0 && !Guid.TryParse(id, out _))
            block.Error(key, $"{Spelling.Quote(id)} is not a UUID");
    }

    private static void CheckTenant(MappingReader block, string tenant, bool required)
    {
        if (tenant.Length == 0 && required)
            block.Error("tenant_id", "is missing; allowed is a UUID or a domain name");
        else if (!tenant.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.'))
            block.Error("tenant_id", $"{Spelling.Quote(tenant)} is not a tenant; allowed are letters, digits, - and .");
    }
}
