namespace OrleansTempo.Core.Overrides;

/// <summary>One entry of <c>metrics_generator.storage.remote_write</c>, as in Prometheus' own configuration.</summary>
public sealed record RemoteWriteOptions
{
    public string Url { get; init; } = "";

    /// <summary>Names the endpoint in logs and metrics; the URL's host and position when empty.</summary>
    public string Name { get; init; } = "";

    public TimeSpan RemoteTimeout { get; init; } = TimeSpan.FromSeconds(30);

    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    public IReadOnlyDictionary<string, HttpHeaderOptions> HttpHeaders { get; init; } = new Dictionary<string, HttpHeaderOptions>();

    public BasicAuthOptions? BasicAuth { get; init; }

    public AuthorizationOptions? Authorization { get; init; }

    public ClientTlsOptions? TlsConfig { get; init; }

    public IReadOnlyList<RelabelOptions> WriteRelabelConfigs { get; init; } = [];

    public bool SendExemplars { get; init; } = true;

    public bool FollowRedirects { get; init; } = true;

    public string ProxyUrl { get; init; } = "";

    public QueueOptions QueueConfig { get; init; } = new();

    /// <summary>The name alone: a record's own text would show the secrets, one of them perhaps in the URL.</summary>
    public override string ToString() => $"{nameof(RemoteWriteOptions)} {Name}";

    /// <summary>Equal by content, lists and dictionaries included.</summary>
    public bool Equals(RemoteWriteOptions? other) => OptionsEquality.Same(this, other);

    public override int GetHashCode() => OptionsEquality.Hash(this);
}
