namespace OrleansTempo.Core.Configuration.RemoteWrite;

/// <summary><c>authorization</c>: the <c>Authorization</c> header's scheme and credentials.</summary>
public sealed record AuthorizationOptions
{
    public string Type { get; init; } = "Bearer";

    [Secret]
    public string Credentials { get; init; } = "";

    public string CredentialsFile { get; init; } = "";

    /// <summary>The name alone: a record's own text would show the secret.</summary>
    public override string ToString() => nameof(AuthorizationOptions);
}
