namespace OrleansTempo.Core.RemoteWrite.Messages;

/// <summary>What decides how a collection is encoded; endpoints that agree on it share one encoding.</summary>
public sealed record EncodingSettings
{
    /// <summary>The label of an exemplar that carries the trace ID.</summary>
    public string TraceIdLabelName { get; init; } = "traceID";

    public bool SendExemplars { get; init; } = true;

    /// <summary>Samples of one request at most; a single series is never split.</summary>
    public int MaxSamplesPerSend { get; init; } = 2000;

    /// <summary>Null where nothing is relabelled, which costs nothing then.</summary>
    public RelabelledSeries? Relabelling { get; init; }
}
