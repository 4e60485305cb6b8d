namespace OrleansTempo.Core.Overrides;

/// <summary><c>storage</c>.</summary>
public sealed record StorageOptions
{
    public TraceStorageOptions Trace { get; init; } = new();
}
