using OrleansTempo.Core.Configuration.Ingester;
using OrleansTempo.Core.Ingester.Flush;
using OrleansTempo.Core.Ingester.Live;

namespace OrleansTempo.Core.Ingester;

/// <summary>
/// One tenant's ingester partitions in this process, created when they are first opened, and the count that its live trace limit applies to. It is
/// forgotten once all of them are closed and empty.
/// </summary>
internal sealed class IngesterTenant(TenantId tenant, IngesterOptions options, IngesterMemory memory, BlockFlushQueue flushes, TimeProvider time)
{
    private readonly IngesterPartition?[] _partitions = new IngesterPartition?[options.Partitions];
    private readonly Lock _opening = new();
    private bool _isForgotten;

    public LiveTraceCount LiveTraces { get; } = new();

    /// <summary>The partitions that have been opened.</summary>
    public IEnumerable<IngesterPartition> Partitions => _partitions.OfType<IngesterPartition>();

    /// <summary>The partition; null if it has never been opened.</summary>
    public IngesterPartition? FindPartition(int partition) => Volatile.Read(ref _partitions[partition]);

    /// <summary>Opens a partition; null if this tenant has been forgotten in the meantime and a new one is needed.</summary>
    public IngesterPartition? TryOpen(int partition)
    {
        lock (_opening)
        {
            if (_isForgotten)
                return null;
            var opened = _partitions[partition] ??= new IngesterPartition(new TraceIngester(tenant, LiveTraces, options, time), memory, flushes);
            opened.Open();
            return opened;
        }
    }

    /// <summary>Ends the tenant if none of its partitions is open or holds anything: closed partitions take nothing more.</summary>
    public bool TryForget()
    {
        lock (_opening)
            return _isForgotten = Partitions.All(static p => p.IsIdle);
    }
}
