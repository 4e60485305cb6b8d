namespace OrleansTempo.Core.RemoteWrite.Messages;

/// <summary>The settings that determine how a collection is encoded; endpoints with equal settings share one encoding.</summary>
public sealed record EncodingSettings
{
    /// <summary>The label of an exemplar that carries the trace ID.</summary>
    public string TraceIdLabelName { get; init; } = "traceID";

    public bool SendExemplars { get; init; } = true;

    /// <summary>The maximum number of samples in a request; a single series is never split.</summary>
    public int MaxSamplesPerSend { get; init; } = 2000;

    /// <summary>Null if nothing is relabelled, which then costs nothing.</summary>
    public RelabelledSeries? Relabelling { get; init; }
}
