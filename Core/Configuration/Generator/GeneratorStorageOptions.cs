using OrleansTempo.Core.Configuration.RemoteWrite;

namespace OrleansTempo.Core.Configuration.Generator;

/// <summary><c>metrics_generator.storage</c>: where the generated series go.</summary>
public sealed record GeneratorStorageOptions
{
    /// <summary>Where <see cref="Path"/> was without being configured.</summary>
    public const string DefaultPath = "data/generator";

    /// <summary>The directory in which former versions kept the remote write queue: what they have left there is sent once. Empty for none, null for <see cref="DefaultPath"/>.</summary>
    public string? Path { get; init; }

    /// <summary>How long the last collection may take to leave at shutdown.</summary>
    [Option(AtMost = OptionAttribute.LongestWait)]
    public TimeSpan RemoteWriteFlushDeadline { get; init; } = TimeSpan.FromMinutes(1);

    public bool RemoteWriteAddOrgIdHeader { get; init; } = true;

    public IReadOnlyList<RemoteWriteOptions> RemoteWrite { get; init; } = [];

    /// <summary>Equal by content, lists and dictionaries included.</summary>
    public bool Equals(GeneratorStorageOptions? other) => OptionsEquality.Same(this, other);

    public override int GetHashCode() => OptionsEquality.Hash(this);
}
