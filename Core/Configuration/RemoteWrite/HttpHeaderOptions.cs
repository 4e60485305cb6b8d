
namespace OrleansTempo.Core.Configuration.RemoteWrite;

/// <summary>One of <c>http_headers</c>: its values from the configuration, as secrets, or from files.</summary>
public sealed record HttpHeaderOptions
{
    public IReadOnlyList<string> Values { get; init; } = [];

    [Secret]
    public IReadOnlyList<string> Secrets { get; init; } = [];

    public IReadOnlyList<string> Files { get; init; } = [];

    /// <summary>Equal by content, lists and dictionaries included.</summary>
    public bool Equals(HttpHeaderOptions? other) => OptionsEquality.Same(this, other);

    public override int GetHashCode() => OptionsEquality.Hash(this);
}
