using System.Net;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using OrleansTempo.Core.Configuration.Server;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Server.Tests.Receivers;

namespace OrleansTempo.Server.Tests.Hosting;

public sealed class ListenerCertificatesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("tls").FullName;
    private readonly X509Certificate2 _authority = Authority("ca");

    public ListenerCertificatesTests()
    {
        File.WriteAllText(PathOf("ca.pem"), _authority.ExportCertificatePem());
        using var server = Leaf("localhost", _authority, "1.3.6.1.5.5.7.3.1");
        File.WriteAllText(PathOf("cert.pem"), server.ExportCertificatePem());
        File.WriteAllText(PathOf("key.pem"), server.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
    }

    private ServerTlsOptions Tls => new() { CertFile = PathOf("cert.pem"), KeyFile = PathOf("key.pem") };

    public void Dispose()
    {
        _authority.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Both_receivers_speak_tls_and_http_also_version_2()
    {
        await using var server = await StartAsync(Tls);
        using var client = Client(null);
        foreach (var version in new[] { HttpVersion.Version11, HttpVersion.Version20 })
        {
            var request = Requests.Post(server.Otlp(scheme: "https"), Requests.Golden);
            request.Version = version;
            request.VersionPolicy = HttpVersionPolicy.RequestVersionExact;
            using var response = await client.SendAsync(request);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.Equal(version, response.Version);
        }

        var call = GrpcCall.Request(server, GrpcCall.Export, GrpcCall.Frame(Requests.Golden));
        call.RequestUri = new(server.Grpc("https") + GrpcCall.Export);
        Assert.Equal(0, (await GrpcCall.ReadAsync(client, call)).Status);
        Assert.Equal(3, server.Push.Pushed.Count);
    }

    [Fact]
    public async Task With_a_client_CA_only_its_clients_are_accepted()
    {
        await using var server = await StartAsync(Tls with { ClientCaFile = PathOf("ca.pem"), ClientAuthType = ClientAuthType.RequireAndVerifyClientCert });
        using var stranger = Authority("stranger");
        using var good = Leaf("client", _authority, "1.3.6.1.5.5.7.3.2");
        using var forged = Leaf("client", stranger, "1.3.6.1.5.5.7.3.2");
        using var wrongUse = Leaf("client", _authority, "1.3.6.1.5.5.7.3.1");

        Assert.True(await IsLetInAsync(server, good));
        Assert.False(await IsLetInAsync(server, null));
        Assert.False(await IsLetInAsync(server, forged));
        Assert.False(await IsLetInAsync(server, wrongUse));
    }

    [Fact]
    public async Task Client_auth_type_decides_what_clients_must_present()
    {
        using var stranger = Authority("stranger");
        using var good = Leaf("client", _authority, "1.3.6.1.5.5.7.3.2");
        using var forged = Leaf("client", stranger, "1.3.6.1.5.5.7.3.2");
        foreach (var (type, none, unknown) in new[]
        {
            (ClientAuthType.NoClientCert, true, true),
            (ClientAuthType.RequestClientCert, true, true),
            (ClientAuthType.RequireAnyClientCert, false, true),
            (ClientAuthType.VerifyClientCertIfGiven, true, false),
            (ClientAuthType.RequireAndVerifyClientCert, false, false),
        })
        {
            await using var server = await StartAsync(Tls with { ClientCaFile = PathOf("ca.pem"), ClientAuthType = type });
            Assert.True(await IsLetInAsync(server, good), $"{type}: known");
            Assert.True(none == await IsLetInAsync(server, null), $"{type}: none");
            Assert.True(unknown == await IsLetInAsync(server, forged), $"{type}: unknown");
        }
    }

    [Fact]
    public async Task The_minimum_TLS_version_is_the_configured_one()
    {
        await using var server = await StartAsync(Tls with { MinVersion = TlsVersion.Tls13 });
        using var old = Client(null, SslProtocols.Tls12);
        await Assert.ThrowsAsync<HttpRequestException>(() => old.SendAsync(Requests.Post(server.Otlp(scheme: "https"), Requests.Golden)));
        Assert.True(await IsLetInAsync(server, null));
    }

    [Fact]
    public async Task A_wrong_file_is_named_with_the_reason()
    {
        File.WriteAllText(PathOf("junk.pem"), "junk");
        using var other = Leaf("other", _authority, "1.3.6.1.5.5.7.3.1");
        File.WriteAllText(PathOf("other.pem"), other.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());

        Assert.StartsWith($"otlp/http: tls cert_file '{PathOf("none.pem")}' cannot be read: ", await ErrorAsync(Tls with { CertFile = PathOf("none.pem") }));
        Assert.StartsWith($"otlp/http: tls key_file '{PathOf("none.pem")}' cannot be read: ", await ErrorAsync(Tls with { KeyFile = PathOf("none.pem") }));
        Assert.StartsWith($"otlp/http: tls cert_file '{PathOf("cert.pem")}' and key_file '{PathOf("junk.pem")}' do not form a certificate and its key: ", await ErrorAsync(Tls with { KeyFile = PathOf("junk.pem") }));
        Assert.StartsWith($"otlp/http: tls cert_file '{PathOf("cert.pem")}' and key_file '{PathOf("other.pem")}' do not form a certificate and its key: ", await ErrorAsync(Tls with { KeyFile = PathOf("other.pem") }));
        Assert.Equal($"otlp/http: tls client_ca_file '{PathOf("junk.pem")}' contains no certificate in PEM form", await ErrorAsync(Tls with { ClientCaFile = PathOf("junk.pem"), ClientAuthType = ClientAuthType.RequireAndVerifyClientCert }));
        Assert.Equal("otlp/http: tls client_auth_type VerifyClientCertIfGiven needs a client_ca_file", await ErrorAsync(Tls with { ClientAuthType = ClientAuthType.VerifyClientCertIfGiven }));
    }

    [Theory]
    [InlineData("localhost")]
    [InlineData("localhost:70000")]
    [InlineData("localhost:-1")]
    public async Task A_wrong_endpoint_is_named(string endpoint)
    {
        var options = RunningServer.Options with { OtlpHttp = [new() { Endpoint = endpoint }] };
        var error = await Assert.ThrowsAsync<ArgumentException>(() => RunningServer.StartAsync(options));
        Assert.Equal($"otlp/http: endpoint '{endpoint}' is not host:port with a port from 0 to 65535", error.Message);
    }

    private static Task<RunningServer> StartAsync(ServerTlsOptions tls) => RunningServer.StartAsync(RunningServer.Options with
    {
        OtlpHttp = [RunningServer.Options.OtlpHttp[0] with { Tls = tls }],
        OtlpGrpc = [RunningServer.Options.OtlpGrpc[0] with { Tls = tls }],
    });

    private static async Task<string> ErrorAsync(ServerTlsOptions tls) =>
        (await Assert.ThrowsAsync<ArgumentException>(() => RunningServer.StartAsync(RunningServer.Options with { OtlpHttp = [RunningServer.Options.OtlpHttp[0] with { Tls = tls }] }))).Message;

    private async Task<bool> IsLetInAsync(RunningServer server, X509Certificate2? certificate)
    {
        using var client = Client(certificate);
        try
        {
            using var response = await client.SendAsync(Requests.Post(server.Otlp(scheme: "https"), Requests.Golden));
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private HttpClient Client(X509Certificate2? certificate, SslProtocols protocols = SslProtocols.None)
    {
        var handler = new SocketsHttpHandler();
        handler.SslOptions.EnabledSslProtocols = protocols;
        handler.SslOptions.CertificateChainPolicy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        handler.SslOptions.CertificateChainPolicy.CustomTrustStore.Add(_authority);
        if (certificate is not null)
            handler.SslOptions.LocalCertificateSelectionCallback = (_, _, _, _, _) => certificate;
        return new(handler);
    }

    private string PathOf(string name) => Path.Combine(_folder, name);

    private static X509Certificate2 Authority(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }

    private static X509Certificate2 Leaf(string name, X509Certificate2 authority, string use)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(use)], false));
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.Create(authority, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddHours(1), RandomNumberGenerator.GetBytes(8));
        using var withKey = certificate.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(withKey.Export(X509ContentType.Pkcs12), null, X509KeyStorageFlags.Exportable);
    }
}
