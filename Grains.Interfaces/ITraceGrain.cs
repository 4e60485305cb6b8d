namespace OrleansTempo.Grains.Interfaces;

/// <summary>
/// One partition of a tenant's traces, an ingester; its key is <c>tenant/partition</c>, see <see cref="GrainKeys"/>. Once spans have come to it its partition is
/// open, and whoever is in that silo pushes to the partition without a call.
/// </summary>
[Alias("orleanstempo.ITraceGrain")]
internal interface ITraceGrain : IGrainWithStringKey
{
    /// <summary>Takes spans. When the call completes they are in the write-ahead log of the silo that the grain is in.</summary>
    [Alias("push")]
    [ResponseTimeout("00:00:15")]
    Task<IngestAnswer> PushAsync(SpanPayload payload);

    /// <summary>Does nothing but be active, so that the partition is open.</summary>
    [Alias("open")]
    [ResponseTimeout("00:00:15")]
    Task OpenAsync();

    /// <summary>What is here of a trace, and the blocks of the tenant that are so new that not every silo has listed them.</summary>
    /// <param name="traceId">16 bytes.</param>
    [Alias("find")]
    [ResponseTimeout("00:00:15")]
    Task<LiveTrace> FindAsync(byte[] traceId);
}
