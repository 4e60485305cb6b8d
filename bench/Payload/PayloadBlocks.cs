using OrleansTempo.Core;
using OrleansTempo.Core.Blocks.Format;
using OrleansTempo.Core.Configuration.Ingester;
using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Ingester.Flush;
using OrleansTempo.Core.Ingester.Live;
using OrleansTempo.Core.Objects;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Bench.Payload;

/// <summary>Makes blocks of the payload as the process does: pushed into an ingester, cut, and written. No trace is in two blocks.</summary>
internal sealed class PayloadBlocks(PayloadBatch[] batches, IObjectStore store)
{
    private readonly TraceIngester _ingester = new(TenantId.Single, new LiveTraceCount(), new IngesterOptions(), TimeProvider.System);
    private readonly BlockFlusher _flusher = new(store, TimeProvider.System);
    private readonly Random _random = new(1);
    private int _next;

    /// <summary>Cuts a block with at least this many spans, which the caller may write.</summary>
    /// <param name="spans">The number of spans, rounded up to whole batches.</param>
    /// <param name="traces">Receives its traces, with their numbers of spans; null if not needed.</param>
    public CutBlock Cut(int spans, Dictionary<TraceId, int>? traces = null)
    {
        Refusals? refusals = null;
        for (var pushed = 0; pushed < spans;)
        {
            var payload = batches[_next++ % batches.Length];
            payload.Refresh(_random);
            var batch = payload.Batch;
            _ingester.Push(batch, [.. Enumerable.Range(0, batch.Spans.Length)], segment: 1, default, ref refusals);
            pushed += batch.Spans.Length;
            if (traces is null)
                continue;
            foreach (var span in batch.Spans)
            {
                var id = TraceId.Read(batch.Bytes.Slice(span.TraceId.Offset, TraceId.Length));
                traces[id] = traces.GetValueOrDefault(id) + 1;
            }
        }

        return _ingester.Cut(CutReason.Everything)!;
    }

    /// <summary>Cuts a block and writes it.</summary>
    public async Task<BlockMeta> WriteAsync(int spans, Dictionary<TraceId, int>? traces = null)
    {
        var block = Cut(spans, traces);
        var meta = await _flusher.WriteAsync(block, CancellationToken.None);
        _ingester.Flushed(block, meta);
        return meta;
    }
}
