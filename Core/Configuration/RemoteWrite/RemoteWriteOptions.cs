namespace OrleansTempo.Core.Configuration.RemoteWrite;

/// <summary>One entry of <c>metrics_generator.storage.remote_write</c>, as in Prometheus' own configuration.</summary>
public sealed record RemoteWriteOptions
{
    /// <summary>Remote write 1.0.</summary>
    public const string MessageV1 = "prometheus.WriteRequest";

    /// <summary>Remote write 2.0.</summary>
    public const string MessageV2 = "io.prometheus.write.v2.Request";

    [Option(IsSpecial = true)]
    public string Url { get; init; } = "";

    /// <summary>Names the endpoint in logs and metrics; the URL's host and position when empty.</summary>
    public string Name { get; init; } = "";

    /// <summary><see cref="MessageV1"/> or <see cref="MessageV2"/>.</summary>
    [Option(IsSpecial = true)]
    public string ProtobufMessage { get; init; } = MessageV1;

    [Option(IsPrometheus = true, AtLeast = "1ms", AtMost = OptionAttribute.LongestWait)]
    public TimeSpan RemoteTimeout { get; init; } = TimeSpan.FromSeconds(30);

    [Option(IgnoreCase = true)]
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    public IReadOnlyDictionary<string, HttpHeaderOptions> HttpHeaders { get; init; } = new Dictionary<string, HttpHeaderOptions>();

    public BasicAuthOptions? BasicAuth { get; init; }

    public AuthorizationOptions? Authorization { get; init; }

    public AzureAdOptions? Azuread { get; init; }

    public ClientTlsOptions? TlsConfig { get; init; }

    public IReadOnlyList<RelabelOptions> WriteRelabelConfigs { get; init; } = [];

    public bool SendExemplars { get; init; } = true;

    public bool FollowRedirects { get; init; } = true;

    [Option(IsSpecial = true)]
    public string ProxyUrl { get; init; } = "";

    public QueueOptions QueueConfig { get; init; } = new();

    public MetadataOptions MetadataConfig { get; init; } = new();

    /// <summary>The name alone: a record's own text would show the secrets, one of them perhaps in the URL.</summary>
    public override string ToString() => $"{nameof(RemoteWriteOptions)} {Name}";

    /// <summary>Equal by content, lists and dictionaries included.</summary>
    public bool Equals(RemoteWriteOptions? other) => OptionsEquality.Same(this, other);

    public override int GetHashCode() => OptionsEquality.Hash(this);
}
