using System.Security.Authentication;

namespace OrleansTempo.Server;

/// <summary>TLS on one listener, from PEM files.</summary>
public sealed record ListenerTlsOptions
{
    /// <summary>The server's certificate, followed by its intermediates if any.</summary>
    public required string CertFile { get; init; }

    /// <summary>The private key of the first certificate in <see cref="CertFile"/>.</summary>
    public required string KeyFile { get; init; }

    /// <summary>The CAs that client certificates must chain to; empty for none.</summary>
    public string ClientCaFile { get; init; } = "";

    /// <summary>What is asked of clients; null means <see cref="ClientAuthType.RequireAndVerifyClientCert"/> with a <see cref="ClientCaFile"/> and <see cref="ClientAuthType.NoClientCert"/> without.</summary>
    public ClientAuthType? ClientAuthType { get; init; }

    /// <summary>The oldest protocol spoken; TLS 1.2 or TLS 1.3.</summary>
    public SslProtocols MinVersion { get; init; } = SslProtocols.Tls12;
}
