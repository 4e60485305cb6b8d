using OrleansTempo.Core.Ingester.Live;

namespace OrleansTempo.Core.Ingester;

/// <summary>The limits on one tenant's live traces.</summary>
public readonly record struct IngesterLimits
{
    /// <summary>Maximum live traces in all the ingesters that share a <see cref="LiveTraceCount"/>; 0 for no limit.</summary>
    public int MaxTraces { get; init; }

    /// <summary>Maximum bytes of OTLP protobuf per trace while it is held; 0 for no limit.</summary>
    public long MaxBytesPerTrace { get; init; }
}
