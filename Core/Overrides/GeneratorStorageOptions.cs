namespace OrleansTempo.Core.Overrides;

/// <summary><c>metrics_generator.storage</c>: where the generated series go.</summary>
public sealed record GeneratorStorageOptions
{
    /// <summary>Where <see cref="Path"/> is without being configured, in a process that keeps its queue on disk at all.</summary>
    public const string DefaultPath = "data/generator";

    /// <summary>The directory of the remote write queue; empty for memory alone, null for what the process does by itself.</summary>
    public string? Path { get; init; }

    /// <summary>How long the last collection may take to leave at shutdown.</summary>
    public TimeSpan RemoteWriteFlushDeadline { get; init; } = TimeSpan.FromMinutes(1);

    public bool RemoteWriteAddOrgIdHeader { get; init; } = true;

    public IReadOnlyList<RemoteWriteOptions> RemoteWrite { get; init; } = [];

    /// <summary>Equal by content, lists and dictionaries included.</summary>
    public bool Equals(GeneratorStorageOptions? other) => OptionsEquality.Same(this, other);

    public override int GetHashCode() => OptionsEquality.Hash(this);
}
