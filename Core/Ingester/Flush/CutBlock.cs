using System.Buffers;
using System.Runtime.CompilerServices;
using OrleansTempo.Core.Blocks.Format;
using OrleansTempo.Core.Blocks.Format.Pages;
using OrleansTempo.Core.Ingester.Live;
using OrleansTempo.Core.Otlp;

namespace OrleansTempo.Core.Ingester.Flush;

/// <summary>
/// Traces that have been cut and wait for their block to be written. None of them changes any more: one thread writes them while the ingester still
/// answers queries from them.
/// </summary>
public sealed class CutBlock
{
    private const int PrefetchedTraces = 2;

    private readonly Generation _generation;

    /// <param name="tenant">The tenant of the traces.</param>
    /// <param name="generation">The generation that holds them.</param>
    /// <param name="reason">Why the block is cut, as labelled in <c>tempo_live_store_blocks_cut_total</c>.</param>
    internal CutBlock(TenantId tenant, Generation generation, string reason)
    {
        Tenant = tenant;
        Reason = reason;
        _generation = generation;
        foreach (ref readonly var trace in generation.Traces.All)
            Traces += trace.IsLive ? 0 : 1;
    }

    public TenantId Tenant { get; }

    public string Reason { get; }

    /// <summary>The ID that the block will have.</summary>
    public Guid BlockId { get; } = Guid.CreateVersion7();

    public int Traces { get; }

    public long MemoryBytes => _generation.MemoryBytes;

    /// <summary>The earliest segment of the write-ahead log that holds a span of the block.</summary>
    public long OldestSegment => _generation.OldestSegment;

    /// <summary>How complete its traces are; known once the block has been written.</summary>
    internal TraceCompleteness Completeness { get; private set; } = new();

    internal void Find(TraceId id, TraceSpans into)
    {
        ref readonly var trace = ref _generation.Traces.Find(id);
        if (!Unsafe.IsNullRef(in trace) && !trace.IsLive)
            _generation.Find(id, into);
    }

    /// <summary>Writes the block, page by page.</summary>
    internal async Task WriteAsync(BlockWriter writer, CancellationToken cancellationToken)
    {
        var (ids, lastRows) = (ArrayPool<TraceId>.Shared.Rent(Traces), ArrayPool<uint>.Shared.Rent(Traces));
        try
        {
            Sort(ids, lastRows);
            await WriteAsync(writer, ids, lastRows, cancellationToken);
        }
        finally
        {
            ArrayPool<TraceId>.Shared.Return(ids);
            ArrayPool<uint>.Shared.Return(lastRows);
        }
    }

    internal void Release() => _generation.Dispose();

    private void Sort(TraceId[] ids, uint[] lastRows)
    {
        var count = 0;
        foreach (ref readonly var trace in _generation.Traces.All)
        {
            if (trace.IsLive)
                continue;
            ids[count] = trace.Id;
            lastRows[count++] = trace.LastRow;
        }

        Array.Sort(ids, lastRows, 0, count);
    }

    private async Task WriteAsync(BlockWriter writer, TraceId[] ids, uint[] lastRows, CancellationToken cancellationToken)
    {
        var source = new SpanSource();
        source.Use(_generation.Dictionary);
        var completeness = new TraceCompleteness();
        for (var i = 0; i < Traces; i++)
        {
            if (i + PrefetchedTraces < Traces)
                _generation.Rows.Prefetch(lastRows[i + PrefetchedTraces]);
            var row = lastRows[i];
            writer.BeginTrace(ids[i]);
            completeness.Begin();
            while (WriteRows(writer, source, completeness, ref row))
            {
                writer.EndTrace();
                await writer.WritePageAsync(cancellationToken);
                writer.BeginTrace(ids[i]);
            }

            writer.EndTrace();
            completeness.End();
            if (writer.PageIsFull)
                await writer.WritePageAsync(cancellationToken);
        }

        Completeness = completeness;
    }

    // Returns whether rows are left that need another page.
    private bool WriteRows(BlockWriter writer, SpanSource source, TraceCompleteness completeness, ref uint reference)
    {
        while (reference != 0)
        {
            if (writer.PageIsOverfull)
                return true;
            ref readonly var row = ref _generation.Rows.Read(reference, out var inline, out var other);
            writer.Add(source, row, inline, other);
            completeness.Add(row.SpanId, row.ParentSpanId);
            reference = row.Previous;
        }

        return false;
    }
}

/// <summary>Why an ingester is asked to cut traces and blocks.</summary>
public enum CutReason
{
    /// <summary>The periodic check: idle traces are cut, and a block if it is large or old enough.</summary>
    Due,

    /// <summary>Memory is short: idle traces are cut, and a block of them, however small.</summary>
    Memory,

    /// <summary>Everything is cut, live traces too.</summary>
    Everything,
}
