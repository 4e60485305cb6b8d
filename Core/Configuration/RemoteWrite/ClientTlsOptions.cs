namespace OrleansTempo.Core.Configuration.RemoteWrite;

/// <summary><c>tls_config</c> of a client: PEM files or PEM text.</summary>
public sealed record ClientTlsOptions
{
    public string Ca { get; init; } = "";
    public string CaFile { get; init; } = "";
    public string Cert { get; init; } = "";
    public string CertFile { get; init; } = "";

    [Secret]
    public string Key { get; init; } = "";

    public string KeyFile { get; init; } = "";
    public string ServerName { get; init; } = "";
    public bool InsecureSkipVerify { get; init; }

    /// <summary><c>TLS12</c> or <c>TLS13</c>; the system's default when empty.</summary>
    [Option(IsSpecial = true)]
    public string MinVersion { get; init; } = "";

    /// <summary>The name alone: a record's own text would show the secret.</summary>
    public override string ToString() => nameof(ClientTlsOptions);
}
