namespace OrleansTempo.Core.Configuration.RemoteWrite;

/// <summary><c>queue_config</c> of a remote write endpoint, as far as a queue of whole collections has a use for it.</summary>
public sealed record QueueOptions
{
    [Option(Min = 1)]
    public int MaxSamplesPerSend { get; init; } = 2000;

    /// <summary>How many requests of one collection are sent at once.</summary>
    [Option(Min = 1)]
    public int MaxShards { get; init; } = 4;

    /// <summary>
    /// What waits in memory for this endpoint, in compressed bytes, all tenants together; beyond it each tenant with more than an equal
    /// share of it drops its oldest collections, which are counted.
    /// </summary>
    [Option(Min = 1)]
    public long MaxQueueBytes { get; init; } = 128L << 20;

    /// <summary>The same for what waits in the object store, in bytes of objects, all tenants of the process together.</summary>
    [Option(Min = 1)]
    public long MaxDiskBytes { get; init; } = 1L << 30;

    [Option(IsPrometheus = true, AtLeast = "1ms")]
    public TimeSpan MinBackoff { get; init; } = TimeSpan.FromMilliseconds(30);

    [Option(IsPrometheus = true, AtLeast = "1ms")]
    public TimeSpan MaxBackoff { get; init; } = TimeSpan.FromSeconds(5);

    public bool RetryOnHttp429 { get; init; } = true;

    /// <summary>Samples older than this are dropped rather than sent; zero for no limit.</summary>
    [Option(IsPrometheus = true)]
    public TimeSpan SampleAgeLimit { get; init; }
}
