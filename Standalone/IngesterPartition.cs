using OrleansTempo.Core;
using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Storage;

namespace OrleansTempo.Standalone;

/// <summary>
/// An ingester of one partition, and what serialises its callers: a lock. An answer waits for what happens under it and nothing there
/// waits for anything, so a mailbox would only add two switches of threads to every request and partition.
/// </summary>
internal sealed class IngesterPartition(TraceIngester ingester, IngesterMemory memory, BlockFlushQueue flushes)
{
    private readonly Lock _lock = new();
    private long _heldBytes;
    private long _uncutBytes;

    public TenantId Tenant => ingester.Tenant;

    /// <summary>What is held here that no block has been cut of, in bytes; read without the lock, to choose where to cut.</summary>
    public long UncutBytes => Volatile.Read(ref _uncutBytes);

    public void Push(SpanBatch batch, ReadOnlySpan<int> spans, long segment, IngesterLimits limits, ref Refusals? refusals)
    {
        lock (_lock)
        {
            ingester.Push(batch, spans, segment, limits, ref refusals);
            Measure();
        }
    }

    /// <summary>Cuts what is due, or more, and queues the block, where there is one.</summary>
    public void Cut(CutReason reason)
    {
        lock (_lock)
            CutLocked(reason);
    }

    /// <summary>Cuts for the sake of memory: of idle traces where those are half of it, or else of all. False where there is nothing to cut.</summary>
    public bool CutForMemory()
    {
        lock (_lock)
            return CutLocked(ingester.CutBytes > ingester.UncutBytes / 2 ? CutReason.Memory : CutReason.Everything);
    }

    public void Flushed(CutBlock block, BlockMeta meta)
    {
        lock (_lock)
        {
            ingester.Flushed(block, meta);
            Measure();
        }
    }

    /// <summary>Adds what is here of a trace, and returns the blocks written lately, in which more of it may be.</summary>
    public IReadOnlyList<BlockMeta> Find(TraceId trace, TraceSpans into)
    {
        lock (_lock)
        {
            ingester.Find(trace, into);
            return [.. ingester.FlushedBlocks];
        }
    }

    public IngesterStatus Status()
    {
        lock (_lock)
            return new IngesterStatus(ingester.TracesCreated, ingester.MemoryBytes, ingester.OldestSegment);
    }

    // Queued under the lock, too: whoever cuts after this finds in the queue what was cut before.
    private bool CutLocked(CutReason reason)
    {
        var block = ingester.Cut(reason);
        Measure();
        if (block is null)
            return false;
        flushes.Enqueue(this, block);
        return true;
    }

    private void Measure()
    {
        memory.Add(ingester.MemoryBytes - _heldBytes, ingester.UncutBytes - _uncutBytes);
        _heldBytes = ingester.MemoryBytes;
        Volatile.Write(ref _uncutBytes, ingester.UncutBytes);
    }
}
