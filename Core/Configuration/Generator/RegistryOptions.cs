namespace OrleansTempo.Core.Configuration.Generator;

/// <summary><c>metrics_generator.registry</c>: how series are collected, aged and labelled.</summary>
public sealed record RegistryOptions
{
    [Option(AtLeast = "100ms", AtMost = OptionAttribute.LongestWait)]
    public TimeSpan CollectionInterval { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>A series not updated for this long ends with a staleness marker.</summary>
    [Option(AtLeast = "100ms")]
    public TimeSpan StaleDuration { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>Labels set on every series; they win over a label of the same name.</summary>
    public IReadOnlyDictionary<string, string> ExternalLabels { get; init; } = new Dictionary<string, string>();

    /// <summary>The label that carries the tenant's ID; none when empty.</summary>
    public string InjectTenantIdAs { get; init; } = "";

    /// <summary>In bytes of UTF-8; 0 for no limit.</summary>
    public int MaxLabelNameLength { get; init; } = 1024;

    /// <summary>In bytes of UTF-8; 0 for no limit.</summary>
    public int MaxLabelValueLength { get; init; } = 2048;

    /// <summary>Equal by content, lists and dictionaries included.</summary>
    public bool Equals(RegistryOptions? other) => OptionsEquality.Same(this, other);

    public override int GetHashCode() => OptionsEquality.Hash(this);
}
