using OrleansTempo.Core.Configuration.Server;
using OrleansTempo.Server.Configuration.Reading;

namespace OrleansTempo.Server.Configuration.Sections;

/// <summary>The two spellings of a listener's TLS: that of Tempo's own server, and that of the OpenTelemetry receivers.</summary>
internal static class ServerTlsReader
{
    public static readonly (string, TlsVersion)[] GoVersions = [("", TlsVersion.Default), ("VersionTLS12", TlsVersion.Tls12), ("VersionTLS13", TlsVersion.Tls13)];

    private static readonly (string, TlsVersion)[] ReceiverVersions = [("", TlsVersion.Default), ("1.2", TlsVersion.Tls12), ("1.3", TlsVersion.Tls13)];

    private static readonly (string, ClientAuthType)[] ClientAuthTypes =
    [
        ("", ClientAuthType.NoClientCert),
        ("NoClientCert", ClientAuthType.NoClientCert),
        ("RequestClientCert", ClientAuthType.RequestClientCert),
        ("RequireAnyClientCert", ClientAuthType.RequireAnyClientCert),
        ("VerifyClientCertIfGiven", ClientAuthType.VerifyClientCertIfGiven),
        ("RequireAndVerifyClientCert", ClientAuthType.RequireAndVerifyClientCert),

        // Older files say it so.
        ("RequireClientCert", ClientAuthType.RequireAnyClientCert),
    ];

    /// <summary><c>server.http_tls_config</c>; null where it names no certificate.</summary>
    public static ServerTlsOptions? ReadHttpTlsConfig(MappingReader tls, TlsVersion minVersion)
    {
        var options = new ServerTlsOptions
        {
            Cert = tls.String("cert", ""),
            Key = tls.String("key", ""),
            ClientCa = tls.String("client_ca", ""),
            CertFile = tls.String("cert_file", ""),
            KeyFile = tls.String("key_file", ""),
            ClientCaFile = tls.String("client_ca_file", ""),
            ClientAuthType = tls.Choice("client_auth_type", ClientAuthType.NoClientCert, ClientAuthTypes),
            MinVersion = minVersion,
        };
        tls.Done();

        // A file may carry the block with nothing but empty values in it.
        if (options is { Cert: "", CertFile: "", Key: "", KeyFile: "", ClientCa: "", ClientCaFile: "", ClientAuthType: ClientAuthType.NoClientCert })
            return null;

        Check(tls, options, "cert", "key");
        var verifies = options.ClientAuthType is ClientAuthType.VerifyClientCertIfGiven or ClientAuthType.RequireAndVerifyClientCert;
        if (verifies && options is { ClientCa: "", ClientCaFile: "" })
            tls.Error("client_auth_type", $"'{options.ClientAuthType}' needs client_ca_file or client_ca to verify against");
        if (options.ClientAuthType == ClientAuthType.NoClientCert && options is not { ClientCa: "", ClientCaFile: "" })
            tls.Error(options.ClientCaFile.Length > 0 ? "client_ca_file" : "client_ca", "needs a client_auth_type; with VerifyClientCertIfGiven or RequireAndVerifyClientCert it is used");
        return options;
    }

    /// <summary><c>tls</c> of an OTLP receiver; null where it is not there.</summary>
    public static ServerTlsOptions? ReadReceiverTls(MappingReader tls)
    {
        if (!tls.Present)
            return null;

        tls.Unused(
            TempoFileReader.NotUsed,
            "ca_file", "ca_pem", "include_system_ca_certs_pool", "include_insecure_cipher_suites", "max_version", "cipher_suites",
            "curve_preferences", "reload_interval", "client_ca_file_reload");
        tls.Refuse("tpm", "not supported: keys come from files or as PEM text");
        var clientCaFile = tls.String("client_ca_file", "");
        var options = new ServerTlsOptions
        {
            Cert = tls.String("cert_pem", ""),
            Key = tls.String("key_pem", ""),
            CertFile = tls.String("cert_file", ""),
            KeyFile = tls.String("key_file", ""),
            ClientCaFile = clientCaFile,
            ClientAuthType = clientCaFile.Length > 0 ? ClientAuthType.RequireAndVerifyClientCert : ClientAuthType.NoClientCert,
            MinVersion = tls.Choice("min_version", TlsVersion.Default, ReceiverVersions),
        };
        tls.Done();
        Check(tls, options, "cert_pem", "key_pem");
        return options;
    }

    private static void Check(MappingReader tls, ServerTlsOptions options, string certKey, string keyKey)
    {
        if (options.Cert.Length > 0 && options.CertFile.Length > 0)
            tls.Error("cert_file", $"stands beside {certKey}; allowed is one of the two");
        if (options.Key.Length > 0 && options.KeyFile.Length > 0)
            tls.Error("key_file", $"stands beside {keyKey}; allowed is one of the two");
        if (options is { Cert: "", CertFile: "" })
            tls.Error("cert_file", $"is missing: TLS needs a certificate, in cert_file or {certKey}");
        if (options is { Key: "", KeyFile: "" })
            tls.Error("key_file", $"is missing: TLS needs the certificate's key, in key_file or {keyKey}");
    }
}
