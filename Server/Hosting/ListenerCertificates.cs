using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace OrleansTempo.Server.Hosting;

/// <summary>Turns a listener's PEM files into Kestrel's TLS options; what is wrong with a file is said with its name.</summary>
internal static class ListenerCertificates
{
    /// <exception cref="ArgumentException">A file cannot be read, or the options contradict each other.</exception>
    public static void Apply(string listener, ListenerTlsOptions tls, HttpsConnectionAdapterOptions https)
    {
        https.ServerCertificate = LoadServerCertificate(listener, tls);
        https.ServerCertificateChain = LoadAll(listener, "cert_file", tls.CertFile);
        https.SslProtocols = tls.MinVersion switch
        {
            SslProtocols.Tls12 => SslProtocols.Tls12 | SslProtocols.Tls13,
            SslProtocols.Tls13 => SslProtocols.Tls13,
            _ => throw new ArgumentException($"{listener}: tls min_version '{tls.MinVersion}' is not supported; allowed are 1.2 and 1.3"),
        };

        var auth = tls.ClientAuthType ?? (tls.ClientCaFile.Length > 0 ? ClientAuthType.RequireAndVerifyClientCert : ClientAuthType.NoClientCert);
        https.ClientCertificateMode = auth switch
        {
            ClientAuthType.NoClientCert => ClientCertificateMode.NoCertificate,
            ClientAuthType.RequestClientCert or ClientAuthType.VerifyClientCertIfGiven => ClientCertificateMode.AllowCertificate,
            _ => ClientCertificateMode.RequireCertificate,
        };
        if (auth is ClientAuthType.RequestClientCert or ClientAuthType.RequireAnyClientCert)
        {
            https.AllowAnyClientCertificate();
        }
        else if (auth is not ClientAuthType.NoClientCert)
        {
            if (tls.ClientCaFile.Length == 0)
                throw new ArgumentException($"{listener}: tls client_auth_type {auth} needs a client_ca_file");
            var authorities = LoadAll(listener, "client_ca_file", tls.ClientCaFile);
            https.ClientCertificateValidation = (certificate, presented, _) => IsSignedBy(authorities, certificate, presented);
        }
    }

    private static X509Certificate2 LoadServerCertificate(string listener, ListenerTlsOptions tls)
    {
        RequireReadable(listener, "cert_file", tls.CertFile);
        RequireReadable(listener, "key_file", tls.KeyFile);
        try
        {
            var certificate = X509Certificate2.CreateFromPemFile(tls.CertFile, tls.KeyFile);

            // Windows' TLS cannot use a key that lives in memory only.
            return OperatingSystem.IsWindows() ? X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null) : certificate;
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new ArgumentException($"{listener}: tls cert_file '{tls.CertFile}' and key_file '{tls.KeyFile}' do not make a certificate with its key: {e.Message}", e);
        }
    }

    private static X509Certificate2Collection LoadAll(string listener, string field, string file)
    {
        RequireReadable(listener, field, file);
        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPemFile(file);
        }
        catch (CryptographicException e)
        {
            throw new ArgumentException($"{listener}: tls {field} '{file}' is not PEM: {e.Message}", e);
        }

        return certificates.Count > 0 ? certificates : throw new ArgumentException($"{listener}: tls {field} '{file}' holds no certificate in PEM form");
    }

    private static void RequireReadable(string listener, string field, string file)
    {
        try
        {
            using var _ = File.OpenRead(file);
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
