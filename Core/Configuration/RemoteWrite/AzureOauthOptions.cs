namespace OrleansTempo.Core.Configuration.RemoteWrite;

/// <summary><c>azuread.oauth</c>: an application's client ID and secret.</summary>
public sealed record AzureOauthOptions
{
    public string ClientId { get; init; } = "";

    [Secret]
    public string ClientSecret { get; init; } = "";

    public string TenantId { get; init; } = "";

    /// <summary>The name alone: a record's own text would show the secret.</summary>
    public override string ToString() => nameof(AzureOauthOptions);
}
