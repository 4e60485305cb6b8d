namespace OrleansTempo.Core.Configuration.Server;

/// <summary>The oldest TLS a listener accepts.</summary>
public enum TlsVersion
{
    /// <summary>What the system accepts.</summary>
    Default,

    Tls12,
    Tls13,
}
