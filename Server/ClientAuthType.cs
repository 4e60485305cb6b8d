namespace OrleansTempo.Server;

/// <summary>What a TLS listener asks of its clients, in the words of Tempo's <c>client_auth_type</c>.</summary>
public enum ClientAuthType
{
    /// <summary>No certificate is asked for.</summary>
    NoClientCert,

    /// <summary>A certificate is asked for, and neither needed nor checked.</summary>
    RequestClientCert,

    /// <summary>A certificate is needed and not checked.</summary>
    RequireAnyClientCert,

    /// <summary>A certificate is checked against the client CA where the client has one.</summary>
    VerifyClientCertIfGiven,

    /// <summary>A certificate signed by the client CA is needed: mutual TLS.</summary>
    RequireAndVerifyClientCert,
}
