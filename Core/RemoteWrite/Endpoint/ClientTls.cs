using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using OrleansTempo.Core.Configuration.RemoteWrite;

namespace OrleansTempo.Core.RemoteWrite.Endpoint;

/// <summary>Makes the TLS options of a connection from <c>tls_config</c>. It reads the files each time, so that renewed certificates are picked up.</summary>
internal static class ClientTls
{
    /// <exception cref="ArgumentException">A certificate or key cannot be read; the message names the key.</exception>
    public static SslClientAuthenticationOptions CreateOptions(ClientTlsOptions tls, string host)
    {
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = tls.ServerName.Length > 0 ? tls.ServerName : host,
            EnabledSslProtocols = tls.MinVersion switch
            {
                "" => SslProtocols.None,
                "TLS12" => SslProtocols.Tls12 | SslProtocols.Tls13,
                "TLS13" => SslProtocols.Tls13,
                _ => throw new ArgumentException($"tls_config.min_version: '{tls.MinVersion}' is not supported; allowed are TLS12 and TLS13"),
            },
        };

        if (tls.InsecureSkipVerify)
        {
            options.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
        }
        else if (Pem("tls_config.ca", tls.Ca, "tls_config.ca_file", tls.CaFile) is { } ca)
        {
            var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            Parse("tls_config.ca", () => policy.CustomTrustStore.ImportFromPem(ca));
            if (policy.CustomTrustStore.Count == 0)
                throw new ArgumentException("tls_config.ca: contains no certificate in PEM form");
            options.CertificateChainPolicy = policy;
        }

        var certificate = Pem("tls_config.cert", tls.Cert, "tls_config.cert_file", tls.CertFile);
        var key = Pem("tls_config.key", tls.Key, "tls_config.key_file", tls.KeyFile);
        if (certificate is null != key is null)
            throw new ArgumentException("tls_config: a client certificate needs both cert and key");
        if (certificate is not null)
            Parse("tls_config.cert", () => options.ClientCertificateContext = ClientCertificate(certificate, key!));

        return options;
    }

    private static SslStreamCertificateContext ClientCertificate(string certificate, string key)
    {
        var leaf = X509Certificate2.CreateFromPem(certificate, key);

        // TLS on Windows cannot use a key that is only in memory.
        if (OperatingSystem.IsWindows())
            leaf = X509CertificateLoader.LoadPkcs12(leaf.Export(X509ContentType.Pkcs12), null);

        var intermediates = new X509Certificate2Collection();
        intermediates.ImportFromPem(certificate);
        return SslStreamCertificateContext.Create(leaf, intermediates, offline: true);
    }

    private static string? Pem(string textKey, string text, string fileKey, string file)
    {
        if (text.Length > 0 && file.Length > 0)
            throw new ArgumentException($"{textKey} and {fileKey} are both set; set only one");
        if (file.Length == 0)
            return text.Length > 0 ? text : null;

        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ArgumentException($"{fileKey}: {e.Message}", e);
        }
    }

    private static void Parse(string key, Action parse)
    {
        try
        {
            parse();
        }
        catch (CryptographicException e)
        {
            throw new ArgumentException($"{key}: {e.Message}", e);
        }
    }
}
