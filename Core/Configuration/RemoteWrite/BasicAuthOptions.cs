namespace OrleansTempo.Core.Configuration.RemoteWrite;

/// <summary><c>basic_auth</c>; a file is read again for every request, so a rotated secret is picked up.</summary>
public sealed record BasicAuthOptions
{
    public string Username { get; init; } = "";
    public string UsernameFile { get; init; } = "";

    [Secret]
    public string Password { get; init; } = "";

    public string PasswordFile { get; init; } = "";

    /// <summary>The name alone: a record's own text would show the secret.</summary>
    public override string ToString() => nameof(BasicAuthOptions);
}
