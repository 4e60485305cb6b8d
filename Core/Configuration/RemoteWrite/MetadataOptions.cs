namespace OrleansTempo.Core.Configuration.RemoteWrite;

/// <summary>
/// <c>metadata_config</c> of a remote write endpoint: how often it is told what the metrics are. Remote write 1.0 alone has a use for it; in 2.0 each series
/// says it.
/// </summary>
public sealed record MetadataOptions
{
    public bool Send { get; init; } = true;

    [Option(IsPrometheus = true, AtLeast = "1ms")]
    public TimeSpan SendInterval { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Metric families in one request.</summary>
    [Option(Min = 1)]
    public int MaxSamplesPerSend { get; init; } = 2000;
}
