using OrleansTempo.Core.Blocks.Format;
using OrleansTempo.Core.Ingester.Flush;
using OrleansTempo.Core.Ingester.Live;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Ingester;

/// <summary>
/// The ingester of one partition, with the lock that serialises its callers. Besides pushes and lookups, the threads that write blocks and those that
/// relieve memory come to it. Callers wait for what happens under the lock, and nothing under it waits for anything, so a mailbox would only add two
/// thread switches to every request and partition.
/// </summary>
public sealed class IngesterPartition
{
    private readonly Lock _lock = new();
    private readonly TraceIngester _ingester;
    private readonly IngesterMemory _memory;
    private readonly BlockFlushQueue _flushes;
    private long _heldBytes;
    private long _uncutBytes;
    private bool _isOpen;

    internal IngesterPartition(TraceIngester ingester, IngesterMemory memory, BlockFlushQueue flushes)
    {
        _ingester = ingester;
        _memory = memory;
        _flushes = flushes;
    }

    public TenantId Tenant => _ingester.Tenant;

    /// <summary>Whether it holds nothing that could be lost or queried.</summary>
    public bool IsEmpty
    {
        get
        {
            lock (_lock)
                return _ingester.IsEmpty;
        }
    }

    /// <summary>Whether it is closed and empty, so that nothing can reach it any more.</summary>
    internal bool IsIdle
    {
        get
        {
            lock (_lock)
                return !_isOpen && _ingester.IsEmpty;
        }
    }

    /// <summary>The bytes held here that are not yet in a cut block; read without the lock, to choose where to cut.</summary>
    internal long UncutBytes => Volatile.Read(ref _uncutBytes);

    /// <summary>Makes this process the owner of the partition; everything in the process pushes to it directly.</summary>
    internal void Open()
    {
        lock (_lock)
            _isOpen = true;
    }

    /// <summary>Another process may own the partition from now on; a later push has to find out which. What is held stays until it is in blocks.</summary>
    public void Close()
    {
        lock (_lock)
            _isOpen = false;
    }

    /// <summary>Takes spans of a batch, see <see cref="TraceIngester.Push"/>; if the partition is not open here, returns false and takes nothing.</summary>
    public bool TryPush(SpanBatch batch, ReadOnlySpan<int> spans, long segment, IngesterLimits limits, ref Refusals? refusals)
    {
        lock (_lock)
        {
            if (!_isOpen)
                return false;
            _ingester.Push(batch, spans, segment, limits, ref refusals);
            Measure();
            return true;
        }
    }

    /// <summary>Adds the spans of a trace that are held here, and returns the blocks written recently, which may hold more of it.</summary>
    public IReadOnlyList<BlockMeta> Find(TraceId trace, TraceSpans into)
    {
        lock (_lock)
        {
            _ingester.Find(trace, into);
            return [.. _ingester.FlushedBlocks];
        }
    }

    /// <summary>Cuts everything, and waits until that and all earlier cuts are in blocks.</summary>
    /// <exception cref="OperationCanceledException">The process stops first, or <paramref name="cancellationToken"/> is cancelled; what is not in blocks is in the log.</exception>
    public Task FlushAsync(CancellationToken cancellationToken)
    {
        Cut(CutReason.Everything);
        return _flushes.WrittenAsync(job => job == this).WaitAsync(cancellationToken);
    }

    /// <summary>Cuts what is due, or more, and queues the block if there is one.</summary>
    internal void Cut(CutReason reason)
    {
        lock (_lock)
            CutLocked(reason);
    }

    /// <summary>Cuts to free memory: only idle traces if they make up half of it, otherwise all. False if there is nothing to cut.</summary>
    internal bool CutForMemory()
    {
        lock (_lock)
            return CutLocked(_ingester.CutBytes > _ingester.UncutBytes / 2 ? CutReason.Memory : CutReason.Everything);
    }

    internal void Flushed(CutBlock block, BlockMeta meta)
    {
        lock (_lock)
        {
            _ingester.Flushed(block, meta);
            Measure();
        }
    }

    internal IngesterStatus Status()
    {
        lock (_lock)
            return new IngesterStatus(_ingester.TracesCreated, _ingester.MemoryBytes, _ingester.OldestSegment);
    }

    // Also queued under the lock, so that whoever cuts next finds in the queue what was cut before.
    private bool CutLocked(CutReason reason)
    {
        var block = _ingester.Cut(reason);
        Measure();
        if (block is null)
            return false;
        _flushes.Enqueue(this, block);
        return true;
    }

    private void Measure()
    {
        _memory.Add(_ingester.MemoryBytes - _heldBytes, _ingester.UncutBytes - _uncutBytes);
        _heldBytes = _ingester.MemoryBytes;
        Volatile.Write(ref _uncutBytes, _ingester.UncutBytes);
    }
}

/// <summary>The state of one partition's ingester at a moment.</summary>
/// <param name="TracesCreated">Traces created so far.</param>
/// <param name="MemoryBytes">What it holds, in bytes.</param>
/// <param name="OldestSegment">The earliest segment of the write-ahead log that it still needs.</param>
internal readonly record struct IngesterStatus(long TracesCreated, long MemoryBytes, long OldestSegment);
