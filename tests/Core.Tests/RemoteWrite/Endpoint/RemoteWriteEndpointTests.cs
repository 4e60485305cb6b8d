using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Http;
using OrleansTempo.Core.Configuration.RemoteWrite;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.RemoteWrite.Endpoint;
using OrleansTempo.Core.RemoteWrite.Messages;
using OrleansTempo.Core.Tests.RemoteWrite.Messages;

namespace OrleansTempo.Core.Tests.RemoteWrite.Endpoint;

public sealed class RemoteWriteEndpointTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("remote-write-").FullName;
    private RemoteEnd _end = null!;

    public async Task InitializeAsync() => _end = await RemoteEnd.StartAsync();

    public async Task DisposeAsync()
    {
        await _end.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_request_has_the_headers_of_its_protocol()
    {
        var headers = await SentAsync(new(), "acme");
        Assert.Equal("application/x-protobuf", headers["Content-Type"]);
        Assert.Equal("snappy", headers["Content-Encoding"]);
        Assert.Equal("0.1.0", headers["X-Prometheus-Remote-Write-Version"]);
        Assert.Equal("OrleansTempo/0.1.0", headers["User-Agent"]);
        Assert.Equal("/api/v1/write", headers[":path"]);
        Assert.Equal("HTTP/1.1", headers[":protocol"]);
        Assert.Equal("acme", headers["X-Scope-OrgID"]);
        Assert.False(headers.ContainsKey("Authorization"));
    }

    [Fact]
    public async Task The_single_tenant_has_no_org_id() =>
        Assert.False((await SentAsync(new(), TenantId.Single.Value)).ContainsKey("X-Scope-OrgID"));

    [Fact]
    public async Task No_org_id_is_added_if_that_is_off() =>
        Assert.False((await SentAsync(new(), "acme", addOrgId: false)).ContainsKey("X-Scope-OrgID"));

    [Fact]
    public async Task A_configured_org_id_stays_in_any_case()
    {
        var options = new RemoteWriteOptions { Headers = new Dictionary<string, string> { ["x-scope-orgid"] = "other" } };
        Assert.Equal("other", (await SentAsync(options, "acme"))["X-Scope-OrgID"]);
    }

    [Fact]
    public async Task Headers_of_the_tenant_win_over_http_headers_and_those_over_headers()
    {
        File.WriteAllText(Path.Combine(_folder, "header"), "from-file\n");
        var options = new RemoteWriteOptions
        {
            Headers = new Dictionary<string, string> { ["X-A"] = "1", ["X-B"] = "1", ["X-C"] = "1" },
            HttpHeaders = new Dictionary<string, HttpHeaderOptions>
            {
                ["x-b"] = new() { Values = ["2"], Secrets = ["secret"], Files = [Path.Combine(_folder, "header")] },
                ["X-C"] = new() { Values = ["2"] },
            },
        };
        var headers = await SentAsync(options, "acme", tenantHeaders: new() { ["x-c"] = "3", ["Content-Language"] = "en" });
        Assert.Equal("1", headers["X-A"]);
        Assert.Equal("2,secret,from-file", headers["X-B"].Replace(", ", ","));
        Assert.Equal("3", headers["X-C"]);
        Assert.Equal("en", headers["Content-Language"]);
    }

    [Fact]
    public async Task Basic_auth_reads_its_password_file_for_every_request()
    {
        var file = Path.Combine(_folder, "password");
        var options = new RemoteWriteOptions { BasicAuth = new() { Username = "user", PasswordFile = file } };
        File.WriteAllText(file, "one\n");
        Assert.Equal("Basic " + Convert.ToBase64String("user:one"u8), (await SentAsync(options, "acme"))["Authorization"]);
        File.WriteAllText(file, "two\n");
        Assert.Equal("Basic " + Convert.ToBase64String("user:two"u8), (await SentAsync(options, "acme"))["Authorization"]);
    }

    [Fact]
    public async Task Authorization_has_its_scheme_and_credentials()
    {
        var file = Path.Combine(_folder, "token");
        File.WriteAllText(file, "abc\n");
        Assert.Equal("Bearer abc", (await SentAsync(new() { Authorization = new() { CredentialsFile = file } }, "acme"))["Authorization"]);
        Assert.Equal("Token xyz", (await SentAsync(new() { Authorization = new() { Type = "Token", Credentials = "xyz" } }, "acme"))["Authorization"]);
    }

    [Fact]
    public async Task A_tenants_own_authorization_wins() =>
        Assert.Equal("Bearer own", (await SentAsync(new() { BasicAuth = new() { Username = "u" } }, "acme", tenantHeaders: new() { ["Authorization"] = "Bearer own" }))["Authorization"]);

    [Fact]
    public async Task User_and_password_of_the_URL_authenticate_and_are_shown_nowhere()
    {
        using var endpoint = new RemoteWriteEndpoint(new() { Url = _end.Url.Replace("http://", "http://us%40er:pass@") }, 3, TimeProvider.System);
        Assert.Equal(SendResult.Accepted, (await SendAsync(endpoint)).Result);
        Assert.Equal("Basic " + Convert.ToBase64String("us@er:pass"u8), _end.Received[^1].Headers["Authorization"]);
        Assert.Equal(_end.Url, endpoint.Url);
        Assert.Equal("127.0.0.1-3", endpoint.Name);
    }

    [Fact]
    public async Task A_secret_that_cannot_be_read_is_retried()
    {
        using var endpoint = new RemoteWriteEndpoint(new() { Url = _end.Url, BasicAuth = new() { PasswordFile = Path.Combine(_folder, "none") } }, 0, TimeProvider.System);
        var outcome = await SendAsync(endpoint);
        Assert.Equal(SendResult.Retry, outcome.Result);
        Assert.Contains("none", outcome.Error);
    }

    [Fact]
    public async Task A_permanent_redirect_is_followed_with_body_and_credentials()
    {
        _end.Answer(308, "", ("Location", "/moved"));
        var headers = await SentAsync(new() { Authorization = new() { Credentials = "abc" } }, "acme");
        Assert.Equal(("/moved", "Bearer abc"), (headers[":path"], headers["Authorization"]));
        Assert.Single(_end.AcceptedSamples);
    }

    [Fact]
    public async Task A_redirect_that_must_not_be_followed_is_a_refusal()
    {
        _end.Answer(308, "", ("Location", "/moved"));
        using var endpoint = new RemoteWriteEndpoint(new() { Url = _end.Url, FollowRedirects = false }, 0, TimeProvider.System);
        Assert.Equal(SendResult.Rejected, (await SendAsync(endpoint)).Result);
        Assert.Single(_end.Received);
    }

    [Theory]
    [InlineData(301, "/moved", "server redirects to http://127.0.0.1/moved with HTTP status 301, which turns a POST into a GET: set url to the address that takes samples")]
    [InlineData(302, "/login?next=secret", "server redirects to http://127.0.0.1/login?next=xxxxx with HTTP status 302, which turns a POST into a GET: set url to the address that takes samples")]
    [InlineData(303, "/moved", "server redirects to http://127.0.0.1/moved with HTTP status 303, which turns a POST into a GET: set url to the address that takes samples")]
    [InlineData(307, "/api/v1/write", "server redirects in a circle, back to http://127.0.0.1/api/v1/write: set url to the address that takes samples")]
    [InlineData(308, "/api/v1/write", "server redirects in a circle, back to http://127.0.0.1/api/v1/write: set url to the address that takes samples")]
    [InlineData(308, "", "server returned HTTP status 308 without a location: check the url")]
    public async Task A_redirect_that_cannot_be_followed_loses_nothing(int status, string location, string error)
    {
        _end.Answer(status, "", location.Length > 0 ? [("Location", location)] : []);
        using var endpoint = new RemoteWriteEndpoint(new() { Url = _end.Url }, 0, TimeProvider.System);
        var outcome = await SendAsync(endpoint);
        Assert.Equal((SendResult.Retry, error), (outcome.Result, outcome.Error.Replace(":" + new Uri(_end.Url).Port, "")));
        Assert.Single(_end.Received);

        Assert.Equal(SendResult.Accepted, (await SendAsync(endpoint)).Result);
    }

    [Fact]
    public async Task Ten_redirects_are_followed_and_not_one_more()
    {
        for (var i = 1; i <= 10; i++)
            _end.Answer(307, "", ("Location", $"/{i}"));
        using var endpoint = new RemoteWriteEndpoint(new() { Url = _end.Url }, 0, TimeProvider.System);
        Assert.Equal(SendResult.Accepted, (await SendAsync(endpoint)).Result);
        Assert.Equal("/10", _end.Received[^1].Headers[":path"]);

        for (var i = 1; i <= 11; i++)
            _end.Answer(307, "", ("Location", $"/{i}"));
        var outcome = await SendAsync(endpoint);
        Assert.Equal(SendResult.Retry, outcome.Result);
        Assert.StartsWith("stopped after 10 redirects, the last of them to ", outcome.Error);
        Assert.Equal(22, _end.Received.Count);
    }

    [Fact]
    public async Task No_credential_follows_a_redirect_to_another_host()
    {
        // The server is both; what the client goes by is the name.
        _end.Answer(307, "", ("Location", _end.Url.Replace("127.0.0.1", "localhost")));
        _end.Answer(307, "", ("Location", _end.Url + "/back"));
        var headers = await SentAsync(
            new()
            {
                BasicAuth = new() { Username = "user", Password = "secret" },
                Headers = new Dictionary<string, string> { ["X-Api-Key"] = "secret" },
                HttpHeaders = new Dictionary<string, HttpHeaderOptions> { ["Cookie"] = new() { Secrets = ["a=secret"] } },
            },
            "acme",
            tenantHeaders: new() { ["X-Token"] = "secret" });

        Assert.Equal(["127.0.0.1", "localhost", "127.0.0.1"], _end.Received.Select(r => r.Headers["Host"].Split(':')[0]));
        Assert.Equal(4, _end.Received[0].Headers.Values.Count(v => v.Contains("secret") || v.StartsWith("Basic")));
        foreach (var (later, _) in _end.Received.Skip(1))
        {
            Assert.Equal("acme", later["X-Scope-OrgID"]);
            Assert.DoesNotContain(later.Values, v => v.Contains("secret") || v.StartsWith("Basic"));
        }

        Assert.Equal("application/x-protobuf", headers["Content-Type"]);
    }

    [Theory]
    [InlineData("one\n", "one")]
    [InlineData("one\r\n", "one")]
    [InlineData("one", "one")]
    [InlineData(" on e ", " on e ")]
    public async Task A_line_break_at_the_end_of_a_secret_file_is_not_part_of_the_secret(string content, string sent)
    {
        var file = Path.Combine(_folder, "secret");
        File.WriteAllText(file, content);
        var headers = await SentAsync(new() { BasicAuth = new() { Username = "user", PasswordFile = file } }, "acme");
        Assert.Equal($"user:{sent}", Encoding.UTF8.GetString(Convert.FromBase64String(headers["Authorization"]["Basic ".Length..])));
    }

    [Theory]
    [InlineData("basic_auth.password_file")]
    [InlineData("authorization.credentials_file")]
    [InlineData("http_headers.X-Key.files")]
    public async Task A_secret_file_with_two_lines_is_retried(string key)
    {
        var file = Path.Combine(_folder, "secret");
        var options = new RemoteWriteOptions
        {
            Url = _end.Url,
            BasicAuth = key.StartsWith("basic") ? new() { Username = "user", PasswordFile = file } : null,
            Authorization = key.StartsWith("auth") ? new() { CredentialsFile = file } : null,
            HttpHeaders = key.StartsWith("http") ? new() { ["X-Key"] = new() { Files = [file] } } : new Dictionary<string, HttpHeaderOptions>(),
        };
        using var endpoint = new RemoteWriteEndpoint(options, 0, TimeProvider.System);
        File.WriteAllText(file, "good\n");
        Assert.Equal(SendResult.Accepted, (await SendAsync(endpoint)).Result);

        foreach (var bad in (string[])["secret\nX-Scope-OrgID: other\n", "secret\n\n", "secret\r\nmore", "\0secret"])
        {
            File.WriteAllText(file, bad);
            var outcome = await SendAsync(endpoint);
            Assert.Equal(SendResult.Retry, outcome.Result);
            Assert.StartsWith($"{key}: file '{file}' cannot be used: its content ", outcome.Error);
            Assert.DoesNotContain("secret\n", outcome.Error);
            Assert.DoesNotContain("other", outcome.Error);
        }

        Assert.Single(_end.Received);
        File.WriteAllText(file, "better\n");
        Assert.Equal(SendResult.Accepted, (await SendAsync(endpoint)).Result);
    }

    [Theory]
    [InlineData("basic_auth.username_file")]
    [InlineData("basic_auth.password_file")]
    [InlineData("authorization.credentials_file")]
    [InlineData("http_headers.X-Key.files")]
    public async Task A_secret_file_that_is_empty_for_a_moment_is_retried(string key)
    {
        var file = Path.Combine(_folder, "secret");
        var options = new RemoteWriteOptions
        {
            Url = _end.Url,
            BasicAuth = key switch
            {
                "basic_auth.username_file" => new() { UsernameFile = file, Password = "p" },
                "basic_auth.password_file" => new() { Username = "user", PasswordFile = file },
                _ => null,
            },
            Authorization = key.StartsWith("auth") ? new() { CredentialsFile = file } : null,
            HttpHeaders = key.StartsWith("http") ? new() { ["X-Key"] = new() { Files = [file] } } : new Dictionary<string, HttpHeaderOptions>(),
        };
        using var endpoint = new RemoteWriteEndpoint(options, 0, TimeProvider.System);

        foreach (var empty in (string[])["", "\n", "\r\n", " \n"])
        {
            File.WriteAllText(file, empty);
            var outcome = await SendAsync(endpoint);
            Assert.Equal((SendResult.Retry, $"{key}: file '{file}' cannot be used: it is empty"), (outcome.Result, outcome.Error));
        }

        Assert.Empty(_end.Received);
        File.WriteAllText(file, "good\n");
        Assert.Equal(SendResult.Accepted, (await SendAsync(endpoint)).Result);
    }

    [Theory]
    [InlineData("X-A", "b\nX-Scope-OrgID: other", "the value of the header X-A holds a line break, and a header is one line")]
    [InlineData("X-A", "b\r\n\r\nbody", "the value of the header X-A holds a line break, and a header is one line")]
    [InlineData("X-A", "ü", "the value of the header X-A cannot be sent in a header: character 1 is not ASCII")]
    [InlineData("Content-Length", "5", "the header 'Content-Length' is a header that remote write sets itself")]
    public async Task Nothing_is_sent_with_an_invalid_header(string name, string value, string error)
    {
        using var endpoint = new RemoteWriteEndpoint(new() { Url = _end.Url }, 0, TimeProvider.System);
        var outcome = await SendAsync(endpoint, tenantHeaders: new() { [name] = value });
        Assert.Equal((SendResult.Retry, error), (outcome.Result, outcome.Error));
        Assert.Empty(_end.Received);
    }

    [Fact]
    public async Task An_endless_error_is_cut_to_200_characters()
    {
        _end.Answer(async context =>
        {
            context.Response.StatusCode = 500;
            while (!context.RequestAborted.IsCancellationRequested)
                await context.Response.WriteAsync(new string('é', 4096), context.RequestAborted);
        });
        using var endpoint = new RemoteWriteEndpoint(new() { Url = _end.Url }, 0, TimeProvider.System);
        Assert.Equal(new SendOutcome(SendResult.Retry, "server returned HTTP status 500 Internal Server Error: " + new string('é', 200)), await SendAsync(endpoint));
    }

    [Fact]
    public async Task A_secret_in_the_URLs_query_is_sent_and_not_shown()
    {
        using var endpoint = new RemoteWriteEndpoint(new() { Url = _end.Url + "?token=secret&v=2" }, 0, TimeProvider.System);
        Assert.Equal(SendResult.Accepted, (await SendAsync(endpoint)).Result);
        Assert.Equal("?token=secret&v=2", _end.Received[^1].Headers[":query"]);
        Assert.Equal(_end.Url + "?token=xxxxx&v=xxxxx", endpoint.Url);
    }

    [Fact]
    public async Task The_password_of_a_proxy_appears_in_no_error()
    {
        // It refuses the CONNECT that TLS asks for.
        var proxy = new UriBuilder(new Uri(_end.Url).GetLeftPart(UriPartial.Authority)) { UserName = "user", Password = "secret" }.Uri.AbsoluteUri;
        using var endpoint = new RemoteWriteEndpoint(new() { Url = "https://prometheus.invalid/write?token=secret", ProxyUrl = proxy }, 0, TimeProvider.System);
        var outcome = await SendAsync(endpoint);
        Assert.Equal(SendResult.Retry, outcome.Result);
        Assert.Contains("proxy", outcome.Error);
        Assert.DoesNotContain("secret", outcome.Error);
    }

    [Fact]
    public async Task Requests_go_through_the_proxy()
    {
        var options = new RemoteWriteOptions { Url = "http://prometheus.invalid:9090/api/v1/write", ProxyUrl = new Uri(_end.Url).GetLeftPart(UriPartial.Authority) };
        using var endpoint = new RemoteWriteEndpoint(options, 0, TimeProvider.System);
        Assert.Equal(SendResult.Accepted, (await SendAsync(endpoint)).Result);
        Assert.Equal("prometheus.invalid:9090", _end.Received[^1].Headers["Host"]);
    }

    [Fact]
    public async Task TLS_trusts_the_given_CA_under_the_given_name_and_shows_the_client_certificate()
    {
        using var server = Certificate("metrics.internal");
        using var client = Certificate("generator");
        string? seen = null;
        await using var end = await RemoteEnd.StartAsync(server, certificate => seen = certificate.Subject);
        var key = Path.Combine(_folder, "key.pem");
        File.WriteAllText(key, client.GetRSAPrivateKey()!.ExportPkcs8PrivateKeyPem());
        var tls = new ClientTlsOptions { Ca = server.ExportCertificatePem(), ServerName = "metrics.internal", Cert = client.ExportCertificatePem(), KeyFile = key, MinVersion = "TLS12" };

        using var endpoint = new RemoteWriteEndpoint(new() { Url = end.Url, TlsConfig = tls }, 0, TimeProvider.System);
        Assert.Equal(new SendOutcome(SendResult.Accepted, ""), await SendAsync(endpoint));
        Assert.Equal("CN=generator", seen);

        using var wrongName = new RemoteWriteEndpoint(new() { Url = end.Url, TlsConfig = tls with { ServerName = "" } }, 0, TimeProvider.System);
        Assert.Equal(SendResult.Retry, (await SendAsync(wrongName)).Result);

        using var unknownCa = new RemoteWriteEndpoint(new() { Url = end.Url, TlsConfig = tls with { Ca = client.ExportCertificatePem() } }, 0, TimeProvider.System);
        Assert.Equal(SendResult.Retry, (await SendAsync(unknownCa)).Result);

        using var unverified = new RemoteWriteEndpoint(new() { Url = end.Url, TlsConfig = tls with { Ca = "", ServerName = "", InsecureSkipVerify = true } }, 0, TimeProvider.System);
        Assert.Equal(SendResult.Accepted, (await SendAsync(unverified)).Result);
    }

    public static TheoryData<RemoteWriteOptions, string> Invalid() => new()
    {
        { new() { Url = "localhost:9090" }, "remote_write[2].url: 'localhost:9090' is not an absolute http or https URL" },
        { new() { Url = "localhost/push?token=abc" }, "remote_write[2].url: 'localhost/push?token=xxxxx' is not an absolute http or https URL" },
        { new() { Url = "http://h", Headers = new Dictionary<string, string> { ["content-type"] = "x" } }, "remote_write[2]: 'content-type' is a header that remote write sets itself" },
        { new() { Url = "http://h", Headers = new Dictionary<string, string> { ["authorization"] = "x" } }, "remote_write[2]: the header 'authorization' cannot be set" },
        { new() { Url = "http://h", BasicAuth = new(), Authorization = new() }, "remote_write[2]: more than one of basic_auth, authorization and azuread is set" },
        { new() { Url = "http://h", BasicAuth = new(), Azuread = new() { Sdk = new() } }, "remote_write[2]: more than one of basic_auth, authorization and azuread is set" },
        { new() { Url = "http://h", Azuread = new() { Sdk = new() } }, "remote_write[2].azuread: this program is built without Azure sign-in" },
        { new() { Url = "http://h", ProtobufMessage = "prometheus.WriteRequestV2" }, "remote_write[2].protobuf_message: 'prometheus.WriteRequestV2' is not known; allowed are prometheus.WriteRequest and io.prometheus.write.v2.Request" },
        { new() { Url = "http://h", ProxyUrl = "proxy" }, "remote_write[2].proxy_url: 'proxy' is not an absolute URL" },
        { new() { Url = "https://h", TlsConfig = new() { CaFile = "/no/such/file" } }, "remote_write[2].tls_config.ca_file: Could not find" },
        { new() { Url = "https://h", TlsConfig = new() { Ca = "not PEM" } }, "remote_write[2].tls_config.ca: contains no certificate" },
        { new() { Url = "https://h", TlsConfig = new() { Cert = "x" } }, "remote_write[2].tls_config: a client certificate needs both" },
        { new() { Url = "https://h", TlsConfig = new() { MinVersion = "TLS9" } }, "remote_write[2].tls_config.min_version: 'TLS9' is not supported; allowed are TLS12 and TLS13" },
        { new() { Url = "http://h", WriteRelabelConfigs = [new()] }, "remote_write[2].write_relabel_configs[0].target_label: replace needs one" },
        { new() { Url = "http://h", QueueConfig = new() { MinBackoff = TimeSpan.Zero } }, "remote_write[2].queue_config: min_backoff must be greater than 0" },
    };

    [Theory]
    [MemberData(nameof(Invalid))]
    public void An_invalid_entry_is_refused_with_its_key(RemoteWriteOptions options, string error) =>
        Assert.StartsWith(error, Assert.Throws<ArgumentException>(() => new RemoteWriteEndpoint(options, 2, TimeProvider.System)).Message);

    [Fact]
    public async Task The_credential_is_called_for_every_attempt()
    {
        var credential = new CountingCredential();
        using var endpoint = new RemoteWriteEndpoint(new() { Url = _end.Url, Azuread = new() { Sdk = new() } }, 0, TimeProvider.System, credential);
        Assert.Equal(SendResult.Accepted, (await SendAsync(endpoint)).Result);
        Assert.Equal(SendResult.Accepted, (await SendAsync(endpoint)).Result);
        Assert.Equal(["Bearer 1", "Bearer 2"], _end.Received.Select(r => r.Headers["Authorization"]));
    }

    [Fact]
    public async Task A_failed_sign_in_is_retried()
    {
        using var endpoint = new RemoteWriteEndpoint(new() { Url = _end.Url, Azuread = new() { Sdk = new() } }, 0, TimeProvider.System, new CountingCredential { Fails = true });
        var outcome = await SendAsync(endpoint);
        Assert.Equal((SendResult.Retry, "sign-in failed: no identity here"), (outcome.Result, outcome.Error));
        Assert.Empty(_end.Received);
    }

    private static X509Certificate2 Certificate(string name)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null, X509KeyStorageFlags.Exportable);
    }

    private async Task<Dictionary<string, string>> SentAsync(RemoteWriteOptions options, string tenant, bool addOrgId = true, Dictionary<string, string>? tenantHeaders = null)
    {
        using var endpoint = new RemoteWriteEndpoint(options with { Url = _end.Url }, 0, TimeProvider.System);
        Assert.Equal(SendResult.Accepted, (await SendAsync(endpoint, tenant, addOrgId, tenantHeaders)).Result);
        return _end.Received[^1].Headers;
    }

    private static async Task<SendOutcome> SendAsync(RemoteWriteEndpoint endpoint, string tenant = "acme", bool addOrgId = true, Dictionary<string, string>? tenantHeaders = null)
    {
        Assert.True(TenantId.TryParse(tenant, out var id, out _));
        using var encoder = new WriteRequestEncoder(new(), 1000);
        encoder.Visit(new SeriesPoint { Labels = SeriesOf.Labels(("service", "a")), Name = SeriesOf.Calls, Value = 1, TimestampMs = 1000 });
        return await endpoint.SendAsync(encoder.Finish()[0], new RemoteWriteHeaders(id, addOrgId, tenantHeaders ?? []), CancellationToken.None);
    }

    private sealed class CountingCredential : IRemoteWriteCredential
    {
        private int _asked;

        public bool Fails { get; init; }

        public ValueTask<string> AuthorizationAsync(CancellationToken cancellation) =>
            Fails ? throw new InvalidOperationException("sign-in failed: ", new IOException("no identity here\nand more about it")) : ValueTask.FromResult($"Bearer {++_asked}");
    }
}
