using OrleansTempo.Core.Overrides;

namespace OrleansTempo.Core.Ingester;

/// <summary>One tenant's ingester partitions in this process, opened when they are first asked for, and the count of live traces that its limit is about.</summary>
internal sealed class IngesterTenant(TenantId tenant, IngesterOptions options, IngesterMemory memory, BlockFlushQueue flushes, TimeProvider time)
{
    private readonly IngesterPartition?[] _partitions = new IngesterPartition?[options.Partitions];
    private readonly Lock _opening = new();

    public LiveTraceCount LiveTraces { get; } = new();

    /// <summary>Those that are open.</summary>
    public IEnumerable<IngesterPartition> Partitions => _partitions.OfType<IngesterPartition>();

    public IngesterPartition Partition(int partition) => Known(partition) ?? Open(partition);

    /// <summary>Null where it is not open.</summary>
    public IngesterPartition? Known(int partition) => Volatile.Read(ref _partitions[partition]);

    private IngesterPartition Open(int partition)
    {
        lock (_opening)
            return _partitions[partition] ??= new IngesterPartition(new TraceIngester(tenant, LiveTraces, options, time), memory, flushes);
    }
}
