using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using OrleansTempo.Core.Configuration.Server;

namespace OrleansTempo.Server.Hosting;

/// <summary>Turns a listener's PEM files or PEM text into Kestrel's TLS options; errors name the file.</summary>
internal static class ListenerCertificates
{
    /// <exception cref="ArgumentException">A file cannot be read, or the options contradict each other.</exception>
    public static void Apply(string listener, ServerTlsOptions tls, HttpsConnectionAdapterOptions https)
    {
        var certificate = PemOf(listener, "cert_file", tls.Cert, tls.CertFile);
        https.ServerCertificate = LoadServerCertificate(listener, tls, certificate);
        https.ServerCertificateChain = LoadAll(listener, "cert_file", tls.CertFile, certificate);
        https.SslProtocols = tls.MinVersion == TlsVersion.Tls13 ? SslProtocols.Tls13 : SslProtocols.Tls12 | SslProtocols.Tls13;
        https.ClientCertificateMode = tls.ClientAuthType switch
        {
            ClientAuthType.NoClientCert => ClientCertificateMode.NoCertificate,
            ClientAuthType.RequestClientCert or ClientAuthType.VerifyClientCertIfGiven => ClientCertificateMode.AllowCertificate,
            _ => ClientCertificateMode.RequireCertificate,
        };
        if (tls.ClientAuthType is ClientAuthType.RequestClientCert or ClientAuthType.RequireAnyClientCert)
        {
            https.AllowAnyClientCertificate();
        }
        else if (tls.ClientAuthType is not ClientAuthType.NoClientCert)
        {
            if (tls is { ClientCa: "", ClientCaFile: "" })
                throw new ArgumentException($"{listener}: tls client_auth_type {tls.ClientAuthType} needs a client_ca_file");
            var authorities = LoadAll(listener, "client_ca_file", tls.ClientCaFile, PemOf(listener, "client_ca_file", tls.ClientCa, tls.ClientCaFile));
            https.ClientCertificateValidation = (presentedCertificate, presented, _) => IsSignedBy(authorities, presentedCertificate, presented);
        }
    }

    private static X509Certificate2 LoadServerCertificate(string listener, ServerTlsOptions tls, string certificatePem)
    {
        var keyPem = PemOf(listener, "key_file", tls.Key, tls.KeyFile);
        try
        {
            var certificate = X509Certificate2.CreateFromPem(certificatePem, keyPem);

            // TLS on Windows cannot use a key that is only in memory.
            return OperatingSystem.IsWindows() ? X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null) : certificate;
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new ArgumentException($"{listener}: tls cert_file '{tls.CertFile}' and key_file '{tls.KeyFile}' do not form a certificate and its key: {e.Message}", e);
        }
    }

    private static X509Certificate2Collection LoadAll(string listener, string field, string file, string pem)
    {
        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPem(pem);
        }
        catch (CryptographicException e)
        {
            throw new ArgumentException($"{listener}: tls {field} '{file}' is not PEM: {e.Message}", e);
        }

        return certificates.Count > 0 ? certificates : throw new ArgumentException($"{listener}: tls {field} '{file}' contains no certificate in PEM form");
    }

    private static string PemOf(string listener, string field, string text, string file)
    {
        if (text.Length > 0)
            return text;
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new ArgumentException($"{listener}: tls {field} '{file}' cannot be read: {e.Message}", e);
        }
    }

    private static bool IsSignedBy(X509Certificate2Collection authorities, X509Certificate2 certificate, X509Chain? presented)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid("1.3.6.1.5.5.7.3.2"));
        if (presented is not null)
            chain.ChainPolicy.ExtraStore.AddRange(presented.ChainPolicy.ExtraStore);
        return chain.Build(certificate);
    }
}
