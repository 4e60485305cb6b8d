using OrleansTempo.Core.Ingester.Live;

namespace OrleansTempo.Core.Ingester;

/// <summary>What one tenant may have live.</summary>
public readonly record struct IngesterLimits
{
    /// <summary>Live traces of all the ingesters that share a <see cref="LiveTraceCount"/>; 0 for no limit.</summary>
    public int MaxTraces { get; init; }

    /// <summary>Bytes of OTLP protobuf of one trace, as long as it is held; 0 for no limit.</summary>
    public long MaxBytesPerTrace { get; init; }
}
