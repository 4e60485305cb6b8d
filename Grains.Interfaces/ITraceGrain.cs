namespace OrleansTempo.Grains.Interfaces;

/// <summary>
/// One partition of a tenant's traces, an ingester; its key is <c>tenant/partition</c>, see <see cref="GrainKeys"/>. Once it has received spans, its
/// partition is open, and everything in that silo pushes to the partition without a grain call.
/// </summary>
[Alias("orleanstempo.ITraceGrain")]
internal interface ITraceGrain : IGrainWithStringKey
{
    /// <summary>Accepts spans. When the call completes, they are in the write-ahead log of the silo that hosts the grain.</summary>
    [Alias("push")]
    [ResponseTimeout("00:00:15")]
    Task<IngestAnswer> PushAsync(SpanPayload payload);

    /// <summary>Does nothing but activate the grain, so that the partition is open.</summary>
    [Alias("open")]
    [ResponseTimeout("00:00:15")]
    Task OpenAsync();

    /// <summary>What this partition holds of a trace, and the tenant's blocks that are so new that not every silo has listed them.</summary>
    /// <param name="traceId">16 bytes.</param>
    [Alias("find")]
    [ResponseTimeout("00:00:15")]
    Task<LiveTraceAnswer> FindAsync(byte[] traceId);
}
