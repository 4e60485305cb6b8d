using OrleansTempo.Core.Configuration.Ingester;
using OrleansTempo.Core.Ingester.Flush;
using OrleansTempo.Core.Ingester.Live;

namespace OrleansTempo.Core.Ingester;

/// <summary>
/// One tenant's ingester partitions in this process, made when they are opened for the first time, and the count of live traces that its limit is
/// about. It is forgotten when all of them are closed and hold nothing any more.
/// </summary>
internal sealed class IngesterTenant(TenantId tenant, IngesterOptions options, IngesterMemory memory, BlockFlushQueue flushes, TimeProvider time)
{
    private readonly IngesterPartition?[] _partitions = new IngesterPartition?[options.Partitions];
    private readonly Lock _opening = new();
    private bool _isForgotten;

    public LiveTraceCount LiveTraces { get; } = new();

    /// <summary>Those that have been opened.</summary>
    public IEnumerable<IngesterPartition> Partitions => _partitions.OfType<IngesterPartition>();

    /// <summary>Null where it has never been opened.</summary>
    public IngesterPartition? Known(int partition) => Volatile.Read(ref _partitions[partition]);

    /// <summary>Opens a partition; null where this tenant has been forgotten meanwhile, and another is to be made for it.</summary>
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

    /// <summary>Ends it where nothing of it is open or holds anything: what is closed takes nothing more.</summary>
    public bool TryForget()
    {
        lock (_opening)
            return _isForgotten = Partitions.All(static p => p.IsIdle);
    }
}
