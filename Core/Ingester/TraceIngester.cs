using OrleansTempo.Core.Blocks.Format;
using OrleansTempo.Core.Blocks.Format.Pages;
using OrleansTempo.Core.Configuration.Ingester;
using OrleansTempo.Core.Ingester.Flush;
using OrleansTempo.Core.Ingester.Live;
using OrleansTempo.Core.Ingester.Log;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Ingester;

/// <summary>
/// One partition of one tenant's trace IDs: its live traces, the traces that wait for their block, and how the former become the latter. Used by one
/// caller at a time; never locks, never does I/O.
/// <code>
///   Push ─► generation: live traces ──idle──► cut traces          Find searches all of it
///                            │  Cut: enough of them, or old enough
///             still live ◄───┴───► CutBlock ─► written by others ─► Flushed
/// </code>
/// Rows stay in place from a trace's first span until its block is written; only the traces that are still live when a block is cut move on to the
/// next generation.
/// </summary>
public sealed class TraceIngester(TenantId tenant, LiveTraceCount liveTraces, IngesterOptions options, TimeProvider time)
{
    private readonly RowEncoder _encoder = new();
    private readonly List<CutBlock> _cutBlocks = [];
    private readonly List<(BlockMeta Meta, long FlushedAt)> _flushedBlocks = [];
    private Generation _generation = new();
    private int _cutTraces;
    private long _cutSpans;
    private long? _firstCut;

    public TenantId Tenant => tenant;

    /// <summary>Traces created so far.</summary>
    public long TracesCreated { get; private set; }

    /// <summary>The bytes it holds, including blocks that are being written.</summary>
    public long MemoryBytes { get; private set; }

    /// <summary>The bytes it holds that are not yet in a cut block.</summary>
    public long UncutBytes => _generation.MemoryBytes;

    /// <summary>How much of <see cref="UncutBytes"/> belongs to cut traces, and so could go into a block.</summary>
    public long CutBytes => _generation.Spans == 0 ? 0 : (long)((double)_generation.MemoryBytes * _cutSpans / _generation.Spans);

    /// <summary>The earliest segment of the write-ahead log that holds a span which is in no complete block; <see cref="long.MaxValue"/> for none.</summary>
    public long OldestSegment
    {
        get
        {
            var oldest = _generation.OldestSegment;
            foreach (var block in _cutBlocks)
                oldest = Math.Min(oldest, block.OldestSegment);
            return oldest;
        }
    }

    /// <summary>Whether it holds nothing that could be lost or queried.</summary>
    public bool IsEmpty => _generation.Spans == 0 && _cutBlocks.Count == 0 && _flushedBlocks.Count == 0;

    /// <summary>Blocks written in the last <see cref="IngesterOptions.CompleteBlockTimeout"/>: not every querier may have listed them yet.</summary>
    public IEnumerable<BlockMeta> FlushedBlocks => _flushedBlocks.Select(static b => b.Meta);

    /// <summary>Takes spans of a batch.</summary>
    /// <param name="batch">The batch; nothing of it is kept.</param>
    /// <param name="spans">The indexes in the batch of the spans that belong here.</param>
    /// <param name="segment"><see cref="IWriteAheadLog.CurrentSegment"/> as it was before this call, or the replayed record's.</param>
    /// <param name="limits">The tenant's limits on live traces.</param>
    /// <param name="refusals">Collects the spans that a limit refuses; created for the first one.</param>
    public void Push(SpanBatch batch, ReadOnlySpan<int> spans, long segment, IngesterLimits limits, ref Refusals? refusals)
    {
        var generation = _generation;
        var records = batch.Spans;
        var bytes = batch.Bytes;
        var now = time.GetTimestamp();
        _encoder.Begin(batch, generation);
        var (oldestSegment, spanCount) = (generation.OldestSegment, generation.Spans);
        generation.OldestSegment = Math.Min(oldestSegment, segment);
        for (var i = 0; i < spans.Length;)
        {
            var id = TraceIdOf(bytes, records[spans[i]]);
            ref var trace = ref generation.Traces.GetOrAdd(id, out var isNew);
            if (isNew)
                (trace.FirstSeen, trace.Segment) = (now, segment);
            if (!trace.IsLive)
            {
                if (!liveTraces.TryAdd(limits.MaxTraces))
                {
                    if (isNew)
                        generation.Traces.RemoveLast();
                    refusals ??= new Refusals();
                    do
                        refusals.AddLiveTracesExceeded(spans[i++]);
                    while (i < spans.Length && TraceIdOf(bytes, records[spans[i]]) == id);
                    continue;
                }

                Begin(ref trace, isNew);
            }

            trace.LastSeen = now;
            do
            {
                ref readonly var span = ref records[spans[i]];
                if (limits.MaxBytesPerTrace > 0 && trace.Bytes + span.Message.Length > limits.MaxBytesPerTrace)
                {
                    refusals ??= new Refusals();
                    refusals.AddTraceTooLarge(spans[i]);
                    continue;
                }

                trace.LastRow = _encoder.Add(span, trace.LastRow);
                trace.Spans++;
                trace.Bytes += span.Message.Length;
                generation.Spans++;
            }
            while (++i < spans.Length && TraceIdOf(bytes, records[spans[i]]) == id);

            if (trace.Spans == 0)
                ForgetLast();
        }

        // All were refused, so nothing of the batch holds up the log.
        if (generation.Spans == spanCount)
            generation.OldestSegment = oldestSegment;
        Measure();
    }

    /// <summary>Cuts the traces that are idle or have been live too long, and, if one is due, a block of the cut traces.</summary>
    /// <param name="reason">The reason, which says whether to cut more than that.</param>
    /// <returns>The block to write; null if none was cut.</returns>
    public CutBlock? Cut(CutReason reason)
    {
        var now = time.GetTimestamp();
        ForgetFlushedBlocks(now);
        if (_generation.Spans == 0)
            return null;

        foreach (ref var trace in _generation.Traces.All)
        {
            if (trace.IsLive && (reason == CutReason.Everything || time.GetElapsedTime(trace.LastSeen, now) >= options.TraceIdlePeriod || time.GetElapsedTime(trace.FirstSeen, now) >= options.TraceLivePeriod))
                End(ref trace, now);
        }

        if (_cutTraces == 0 || ReasonOf(reason, now) is not { } cutFor)
            return null;
        var block = new CutBlock(tenant, _generation, cutFor);
        _cutBlocks.Add(block);
        _generation = LiveTracesOf(_generation);
        _cutTraces = 0;
        _cutSpans = 0;
        _firstCut = null;
        Measure();
        return block;
    }

    /// <summary>Tells that a block returned by <see cref="Cut"/> has been written; its memory is released.</summary>
    public void Flushed(CutBlock block, BlockMeta meta)
    {
        if (!_cutBlocks.Remove(block))
            throw new InvalidOperationException($"block {block.BlockId} was not cut here, or has already been flushed");
        block.Release();
        _flushedBlocks.Add((meta, time.GetTimestamp()));
        Measure();
    }

    /// <summary>Adds the spans of a trace held here: live, cut, or in a block being written.</summary>
    public void Find(TraceId id, TraceSpans into)
    {
        _generation.Find(id, into);
        foreach (var block in _cutBlocks)
            block.Find(id, into);
    }

    private static TraceId TraceIdOf(ReadOnlySpan<byte> bytes, in SpanRecord span) => TraceId.Read(bytes.Slice(span.TraceId.Offset, TraceId.Length));

    // A late span revives a trace that is cut but has no block yet: one piece is better than two. But its age is kept: a trace that gets spans for
    // ever must be cut along with a block, or the log would be kept for ever.
    private void Begin(ref LiveTrace trace, bool isNew)
    {
        trace.IsLive = true;
        if (isNew)
        {
            TracesCreated++;
        }
        else
        {
            _cutTraces--;
            _cutSpans -= trace.Spans;
        }
    }

    // None of its spans fitted.
    private void ForgetLast()
    {
        _generation.Traces.RemoveLast();
        liveTraces.Remove();
        TracesCreated--;
    }

    private void End(ref LiveTrace trace, long now)
    {
        trace.IsLive = false;
        liveTraces.Remove();
        _cutTraces++;
        _firstCut ??= now;
        _cutSpans += trace.Spans;
    }

    // Tempo's name for the reason; null if no block is due.
    private string? ReasonOf(CutReason reason, long now) => reason switch
    {
        CutReason.Everything => "immediate",
        CutReason.Memory => "memory",
        _ when _firstCut is { } first && time.GetElapsedTime(first, now) >= options.MaxBlockDuration => "max_block_duration",
        _ => CutBytes >= options.MaxBlockBytes ? "max_block_bytes" : null,
    };

    // Traces still live start the next generation. Each shape is translated once, so this costs little more than the copying.
    private static Generation LiveTracesOf(Generation former)
    {
        var next = new Generation();
        var translator = new ShapeTranslator();
        translator.Begin(former.Dictionary, next.Dictionary);
        foreach (ref readonly var trace in former.Traces.All)
        {
            if (!trace.IsLive)
                continue;
            var moved = trace;
            moved.LastRow = 0;
            for (var reference = trace.LastRow; reference != 0;)
            {
                var row = former.Rows.Read(reference, out var inline, out var other);
                reference = row.Previous;
                row.Shape = translator.Translate(row.Shape);
                row.Previous = moved.LastRow;
                moved.LastRow = next.Rows.Add(row, out var tail);
                inline.CopyTo(tail);
                other.CopyTo(tail[inline.Length..]);
            }

            next.Traces.GetOrAdd(trace.Id, out _) = moved;
            next.Spans += moved.Spans;
            next.OldestSegment = Math.Min(next.OldestSegment, moved.Segment);
        }

        next.CountValuesOfKeys();
        return next;
    }

    private void ForgetFlushedBlocks(long now)
    {
        var expired = 0;
        while (expired < _flushedBlocks.Count && time.GetElapsedTime(_flushedBlocks[expired].FlushedAt, now) >= options.CompleteBlockTimeout)
            expired++;
        _flushedBlocks.RemoveRange(0, expired);
    }

    private void Measure()
    {
        MemoryBytes = _generation.MemoryBytes;
        foreach (var block in _cutBlocks)
            MemoryBytes += block.MemoryBytes;
    }
}
