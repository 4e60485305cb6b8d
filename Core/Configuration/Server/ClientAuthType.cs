namespace OrleansTempo.Core.Configuration.Server;

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
