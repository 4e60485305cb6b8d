namespace OrleansTempo.Core.Ingester;

/// <summary>What one tenant may have live; in one partition, so a tenant's limit of traces is divided among them.</summary>
public readonly record struct IngesterLimits
{
    /// <summary>Live traces; 0 for no limit.</summary>
    public int MaxTraces { get; init; }

    /// <summary>Bytes of OTLP protobuf of one trace, as long as it is held; 0 for no limit.</summary>
    public long MaxBytesPerTrace { get; init; }
}
