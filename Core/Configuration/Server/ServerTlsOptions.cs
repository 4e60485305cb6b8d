namespace OrleansTempo.Core.Configuration.Server;

/// <summary>
/// TLS of a listener: <c>server.http_tls_config</c>, or <c>tls</c> of an OTLP receiver, whose words differ a little. The
/// certificate and its key come as PEM files or PEM text.
/// </summary>
public sealed record ServerTlsOptions
{
    public string Cert { get; init; } = "";

    [Secret]
    public string Key { get; init; } = "";

    public string CertFile { get; init; } = "";
    public string KeyFile { get; init; } = "";

    /// <summary>The authorities of client certificates, as PEM text.</summary>
    public string ClientCa { get; init; } = "";

    /// <summary>The authorities of client certificates, as a PEM file.</summary>
    public string ClientCaFile { get; init; } = "";

    public ClientAuthType ClientAuthType { get; init; }

    public TlsVersion MinVersion { get; init; }

    /// <summary>The name alone: a record's own text would show the secret.</summary>
    public override string ToString() => nameof(ServerTlsOptions);
}

/// <summary>What a listener asks of a client's certificate, in Go's words.</summary>
public enum ClientAuthType
{
    NoClientCert,
    RequestClientCert,

    /// <summary>Any certificate, not verified.</summary>
    RequireAnyClientCert,

    VerifyClientCertIfGiven,
    RequireAndVerifyClientCert,
}

/// <summary>The oldest TLS a listener accepts.</summary>
public enum TlsVersion
{
    /// <summary>What the system accepts.</summary>
    Default,

    Tls12,
    Tls13,
}
