namespace OrleansTempo.Grains.Interfaces;

/// <summary>One partition of a tenant's traces, an ingester; its key is <c>tenant/partition</c>, see <see cref="GrainKeys"/>.</summary>
[Alias("orleanstempo.ITraceGrain")]
public interface ITraceGrain : IGrainWithStringKey
{
    /// <summary>
    /// Takes spans. When the call completes they are in the silo's write-ahead log; but where they come from the same silo
    /// they are only indexed, and the caller writes the log, once for all the partitions it called
    /// (<see cref="IngestAnswer.LogHere"/>).
    /// </summary>
    [Alias("push")]
    [ResponseTimeout("00:00:15")]
    Task<IngestAnswer> PushAsync(SpanPayload payload);

    /// <summary>What is here of a trace, and the blocks of the tenant that are so new that not every silo has listed them.</summary>
    /// <param name="traceId">16 bytes.</param>
    [Alias("find")]
    [ResponseTimeout("00:00:15")]
    Task<LiveTrace> FindAsync(byte[] traceId);
}
