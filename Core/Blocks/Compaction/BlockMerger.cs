using OrleansTempo.Core.Blocks.Format;
using OrleansTempo.Core.Blocks.Format.Pages;
using OrleansTempo.Core.Objects;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Blocks.Compaction;

/// <summary>
/// Merges blocks, which are all sorted by trace ID, page by page:
/// <code>
///   a ─ page ┐
///   b ─ page ┼─► the smallest trace ID of all ─► its spans, each once ─► BlockWriter
///   c ─ page ┘
/// </code>
/// Spans move as rows; their shapes are translated from page to page.
/// </summary>
public sealed class BlockMerger(IObjectStore store, BlockReader reader, TimeProvider time) : IBlockMerger
{
    // Left by the previous merge, unless another merge uses it.
    private PageBuilder? _builder;

    public async Task<BlockMeta> MergeAsync(TenantId tenant, IReadOnlyList<BlockMeta> inputs, CancellationToken cancellationToken)
    {
        var cursors = new List<Cursor>();
        foreach (var input in inputs)
        {
            var cursor = new Cursor(reader, input);
            if (await cursor.MoveToFirstAsync(cancellationToken).ConfigureAwait(false))
                cursors.Add(cursor);
        }

        var builder = Interlocked.Exchange(ref _builder, null) ?? new PageBuilder();
        await using var writer = await BlockWriter.CreateAsync(
            store, tenant, Guid.CreateVersion7(), builder, inputs.Sum(static i => i.Traces), cancellationToken).ConfigureAwait(false);
        var seen = new HashSet<(ulong, SpanKind)>(SpanIdComparer.Instance);
        while (cursors.Count > 0)
        {
            var trace = cursors[0].Trace;
            for (var i = 1; i < cursors.Count; i++)
                trace = cursors[i].Trace.CompareTo(trace) < 0 ? cursors[i].Trace : trace;

            seen.Clear();
            writer.BeginTrace(trace);
            for (var i = cursors.Count - 1; i >= 0; i--)
            {
                var cursor = cursors[i];
                var there = true;
                while (there && cursor.Trace == trace)
                {
                    while (cursor.AddTo(writer, seen))
                    {
                        writer.EndTrace();
                        await writer.WritePageAsync(cancellationToken).ConfigureAwait(false);
                        writer.BeginTrace(trace);
                    }

                    there = cursor.MoveNextInPage() || await cursor.MoveToNextPageAsync(cancellationToken).ConfigureAwait(false);
                }

                if (!there)
                    cursors.RemoveAt(i);
            }

            writer.EndTrace();
            if (writer.PageIsFull)
                await writer.WritePageAsync(cancellationToken).ConfigureAwait(false);
        }

        var merged = await writer.CompleteAsync(
            inputs.Max(static i => i.CompactionLevel) + 1, inputs.Max(static i => i.ReceivedUntil), time.GetUtcNow(), cancellationToken).ConfigureAwait(false);
        _builder = builder;
        return merged;
    }

    /// <summary>The merge's position in one input.</summary>
    private sealed class Cursor(BlockReader reader, BlockMeta block)
    {
        private readonly BlockPage _page = reader.RentPage();
        private readonly SpanSource _source = new();
        private BlockFooter? _footer;
        private int _nextPage;
        private int _trace;
        private int _span;

        public TraceId Trace { get; private set; }

        public async ValueTask<bool> MoveToFirstAsync(CancellationToken cancellationToken)
        {
            _footer = await reader.ReadFooterAsync(block, cancellationToken).ConfigureAwait(false);
            return await MoveToNextPageAsync(cancellationToken).ConfigureAwait(false);
        }

        public bool MoveNextInPage()
        {
            if (_trace + 1 >= _page.TraceCount)
                return false;
            MoveTo(_trace + 1);
            return true;
        }

        public async ValueTask<bool> MoveToNextPageAsync(CancellationToken cancellationToken)
        {
            while (_nextPage < _footer!.Pages.Length)
            {
                await reader.ReadPageAsync(block, _footer.Pages[_nextPage++], _page, cancellationToken).ConfigureAwait(false);
                if (_page.TraceCount == 0)
                    continue;
                _source.Use(_page.Dictionary);
                MoveTo(0);
                return true;
            }

            reader.ReturnPage(_page);
            return false;
        }

        /// <summary>Adds the trace's spans except those in <paramref name="seen"/>; true if the page must be written before the rest.</summary>
        public bool AddTo(BlockWriter writer, HashSet<(ulong, SpanKind)> seen)
        {
            var trace = _page.Traces[_trace];
            for (; _span < trace.FirstSpan + trace.SpanCount; _span++)
            {
                if (writer.PageIsOverfull)
                    return true;
                ref readonly var row = ref _page.Row(_span);
                if (seen.Add((row.SpanId, (SpanKind)_page.Dictionary.Shape(row.Shape)[SpanShape.Kind])))
                    writer.Add(_source, row, _page.Inline(_span), _page.Other(_span));
            }

            return false;
        }

        private void MoveTo(int trace)
        {
            _trace = trace;
            _span = _page.Traces[trace].FirstSpan;
            Trace = _page.Traces[trace].TraceId;
        }
    }
}
