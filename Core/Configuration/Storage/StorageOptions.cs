namespace OrleansTempo.Core.Configuration.Storage;

/// <summary><c>storage</c>.</summary>
public sealed record StorageOptions
{
    public TraceStorageOptions Trace { get; init; } = new();
}
