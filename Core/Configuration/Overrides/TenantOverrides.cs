namespace OrleansTempo.Core.Configuration.Overrides;

/// <summary>One tenant's limits, retention and generator settings: <c>overrides.defaults</c> with the tenant's entry laid over it, key by key.</summary>
public sealed record TenantOverrides
{
    public IngestionOverrides Ingestion { get; init; } = new();
    public MetricsGeneratorOverrides MetricsGenerator { get; init; } = new();
    public GlobalOverrides Global { get; init; } = new();
    public CompactionOverrides Compaction { get; init; } = new();
}
