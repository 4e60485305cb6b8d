using OrleansTempo.Core.Blocks.Format;
using OrleansTempo.Core.Ingester.Flush;
using OrleansTempo.Core.Ingester.Live;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Ingester;

/// <summary>
/// An ingester of one partition, and what serialises its callers: a lock. Besides those who push and find, whoever writes blocks and whoever
/// is short of memory come to it. An answer waits for what happens under the lock and nothing there waits for anything, so a mailbox would
/// only add two switches of threads to every request and partition.
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

    /// <summary>Whether it holds nothing that could be lost or asked for.</summary>
    public bool IsEmpty
    {
        get
        {
            lock (_lock)
                return _ingester.IsEmpty;
        }
    }

    /// <summary>Whether it is closed, and empty: nothing can come to it any more.</summary>
    internal bool IsIdle
    {
        get
        {
            lock (_lock)
                return !_isOpen && _ingester.IsEmpty;
        }
    }

    /// <summary>What is held here that no block has been cut of, in bytes; read without the lock, to choose where to cut.</summary>
    internal long UncutBytes => Volatile.Read(ref _uncutBytes);

    /// <summary>From now on it is this process that has the partition, and whoever is in the process pushes to it directly.</summary>
    internal void Open()
    {
        lock (_lock)
            _isOpen = true;
    }

    /// <summary>Another process may have the partition from now on: a push that comes later has to find out which. What is held stays until it is in blocks.</summary>
    public void Close()
    {
        lock (_lock)
            _isOpen = false;
    }

    /// <summary>Takes spans of a batch, see <see cref="TraceIngester.Push"/>; false, and nothing is taken, where the partition is not open here.</summary>
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

    /// <summary>Adds what is here of a trace, and returns the blocks written lately, in which more of it may be.</summary>
    public IReadOnlyList<BlockMeta> Find(TraceId trace, TraceSpans into)
    {
        lock (_lock)
        {
            _ingester.Find(trace, into);
            return [.. _ingester.FlushedBlocks];
        }
    }

    /// <summary>Cuts all of it and waits until that, and what was cut before, is in blocks.</summary>
    /// <exception cref="OperationCanceledException">The process ends before, or <paramref name="cancellationToken"/> says so; what is not in blocks is in the log.</exception>
    public Task FlushAsync(CancellationToken cancellationToken)
    {
        Cut(CutReason.Everything);
        return _flushes.WrittenAsync(job => job == this).WaitAsync(cancellationToken);
    }

    /// <summary>Cuts what is due, or more, and queues the block, where there is one.</summary>
    internal void Cut(CutReason reason)
    {
        lock (_lock)
            CutLocked(reason);
    }

    /// <summary>Cuts for the sake of memory: of idle traces where those are half of it, or else of all. False where there is nothing to cut.</summary>
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

    // Queued under the lock, too: whoever cuts after this finds in the queue what was cut before.
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

/// <summary>How one partition's ingester is at a moment.</summary>
/// <param name="TracesCreated">Traces begun so far.</param>
/// <param name="MemoryBytes">What it holds, in bytes.</param>
/// <param name="OldestSegment">The earliest segment of the write-ahead log that it still needs.</param>
internal readonly record struct IngesterStatus(long TracesCreated, long MemoryBytes, long OldestSegment);
