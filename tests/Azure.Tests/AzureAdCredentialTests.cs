using System.Net;
using System.Text;
using Azure.Core.Pipeline;
using Azure.Identity;
using OrleansTempo.Core;
using OrleansTempo.Core.Configuration.RemoteWrite;
using OrleansTempo.Core.RemoteWrite.Endpoint;
using OrleansTempo.Integration.Harness;

namespace OrleansTempo.Azure.Tests;

/// <summary>Tests the token endpoints' wire format on a network of our own.</summary>
public class AzureAdCredentialTests
{
    private const string Client = "00000000-a12b-3cd4-e56f-000000000001";
    private const string Tenant = "00000000-a12b-3cd4-e56f-000000000002";

    private readonly TokenEndpoint _endpoint = new();

    [Theory]
    [InlineData(AzureAdOptions.Public, "login.microsoftonline.com", "https://monitor.azure.com//.default")]
    [InlineData(AzureAdOptions.China, "login.chinacloudapi.cn", "https://monitor.azure.cn//.default")]
    [InlineData(AzureAdOptions.Government, "login.microsoftonline.us", "https://monitor.azure.us//.default")]
    public async Task An_application_signs_in_with_its_secret_at_its_clouds_authority(string cloud, string authority, string scope)
    {
        var credential = Create(new() { Cloud = cloud, Oauth = new() { ClientId = Client, ClientSecret = "very secret", TenantId = Tenant } });
        Assert.Equal("Bearer token-1", await credential.AuthorizationAsync(default));

        var (url, form) = Assert.Single(_endpoint.TokenRequests);
        Assert.Equal($"https://{authority}/{Tenant}/oauth2/v2.0/token", url.GetLeftPart(UriPartial.Path));
        Assert.Contains("grant_type=client_credentials", form);
        Assert.Contains($"client_id={Client}", form);
        Assert.Contains("client_secret=very+secret", form);
        Assert.Contains(Uri.EscapeDataString(scope), form.Replace("+offline_access", ""));
    }

    [Fact]
    public async Task A_token_is_kept_and_asked_for_again_when_it_is_about_to_end()
    {
        var credential = Create(new() { Oauth = new() { ClientId = Client, ClientSecret = "kept", TenantId = Tenant } });
        Assert.Equal(["Bearer token-1", "Bearer token-1"], [await credential.AuthorizationAsync(default), await credential.AuthorizationAsync(default)]);
        Assert.Single(_endpoint.TokenRequests);

        _endpoint.LifetimeSeconds = 1;
        var ending = Create(new() { Oauth = new() { ClientId = Client, ClientSecret = "ending", TenantId = Tenant } });
        Assert.Equal(["Bearer token-2", "Bearer token-3"], [await ending.AuthorizationAsync(default), await ending.AuthorizationAsync(default)]);
    }

    [Fact]
    public async Task A_scope_of_ones_own_takes_the_place_of_the_clouds()
    {
        var credential = Create(new() { Scope = "https://other/.default", Oauth = new() { ClientId = Client, ClientSecret = "scoped", TenantId = "contoso.com" } });
        await credential.AuthorizationAsync(default);
        Assert.Contains(Uri.EscapeDataString("https://other/.default"), Assert.Single(_endpoint.TokenRequests).Form);
    }

    // As in Azure Container Apps, where the environment names the managed identity endpoint.
    [Fact]
    public async Task A_user_assigned_identity_is_asked_for_by_its_client_id()
    {
        var url = $"http://127.0.0.1:{FreePorts.Next()}/msi/token";
        using var identities = new HttpListener();
        identities.Prefixes.Add(url + "/");
        identities.Start();
        Environment.SetEnvironmentVariable("IDENTITY_ENDPOINT", url);
        Environment.SetEnvironmentVariable("IDENTITY_HEADER", "only-here");
        try
        {
            var credential = AzureAdCredential.Create(new AzureAdOptions { ManagedIdentity = new() { ClientId = Client } });
            var answering = AnswerAsync();
            Assert.Equal("Bearer of-the-identity", await credential.AuthorizationAsync(default));
            var request = await answering;
            Assert.Equal(("only-here", Client, "https://monitor.azure.com/"), (request.Headers["X-IDENTITY-HEADER"], request.QueryString["client_id"], request.QueryString["resource"]));
        }
        finally
        {
            Environment.SetEnvironmentVariable("IDENTITY_ENDPOINT", null);
            Environment.SetEnvironmentVariable("IDENTITY_HEADER", null);
        }

        async Task<HttpListenerRequest> AnswerAsync()
        {
            var context = await identities.GetContextAsync();
            var expires = DateTimeOffset.UtcNow.AddHours(1).ToUnixTimeSeconds();
            context.Response.ContentType = "application/json";
            context.Response.Close(Encoding.UTF8.GetBytes($$"""{"token_type": "Bearer", "access_token": "of-the-identity", "expires_on": "{{expires}}"}"""), willBlock: true);
            return context.Request;
        }
    }

    [Fact]
    public async Task A_workload_identity_hands_in_its_service_accounts_token()
    {
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, "signed-by-kubernetes");
            var credential = Create(new() { WorkloadIdentity = new() { ClientId = Client, TenantId = Tenant, TokenFilePath = file } });
            Assert.Equal("Bearer token-1", await credential.AuthorizationAsync(default));
            Assert.Contains("client_assertion=signed-by-kubernetes", Assert.Single(_endpoint.TokenRequests).Form);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task A_refusal_says_why()
    {
        _endpoint.Refuses = true;
        var credential = Create(new() { Oauth = new() { ClientId = Client, ClientSecret = "wrong", TenantId = Tenant } });
        var refused = await Assert.ThrowsAsync<AuthenticationFailedException>(async () => await credential.AuthorizationAsync(default));
        Assert.Contains("AADSTS7000215: Invalid client secret provided.", refused.InnerException!.Message);
    }

    [Fact]
    public void The_default_credential_asks_nobody_when_it_is_made() => Assert.NotNull(AzureAdCredential.Create(new AzureAdOptions { Sdk = new() { TenantId = Tenant } }));

    private IRemoteWriteCredential Create(AzureAdOptions options) => AzureAdCredential.Create(options, sdk =>
    {
        sdk.Transport = new HttpClientTransport(new HttpClient(_endpoint));
        sdk.Retry.MaxRetries = 0;
    });

    private sealed class TokenEndpoint : HttpMessageHandler
    {
        public List<(Uri Url, string Form)> TokenRequests { get; } = [];

        public int LifetimeSeconds { get; set; } = 3600;

        public bool Refuses { get; set; }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var url = request.RequestUri!;
            if (url.AbsolutePath.EndsWith("/openid-configuration", StringComparison.Ordinal))
                return Json($$"""{"token_endpoint": "{{url.GetLeftPart(UriPartial.Authority)}}/{{Tenant}}/oauth2/v2.0/token", "issuer": "i", "authorization_endpoint": "{{url.GetLeftPart(UriPartial.Authority)}}/a"}""");
            if (url.AbsolutePath.Contains("/discovery/instance", StringComparison.Ordinal))
                return Json($$"""{"tenant_discovery_endpoint": "https://{{url.Host}}/{{Tenant}}/v2.0/.well-known/openid-configuration", "metadata": []}""");

            var form = request.Content is null ? "" : await request.Content.ReadAsStringAsync(cancellationToken);
            lock (TokenRequests)
                TokenRequests.Add((url, form));
            if (Refuses)
                return Json("""{"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."}""", HttpStatusCode.Unauthorized);
            var expires = DateTimeOffset.UtcNow.AddSeconds(LifetimeSeconds).ToUnixTimeSeconds();
            return Json($$"""{"token_type": "Bearer", "access_token": "token-{{TokenRequests.Count}}", "expires_in": {{LifetimeSeconds}}, "expires_on": "{{expires}}"}""");
        }

        private static HttpResponseMessage Json(string text, HttpStatusCode status = HttpStatusCode.OK) => new(status) { Content = new StringContent(text, Encoding.UTF8, "application/json") };
    }
}
