using OrleansTempo.Core.Blocks.Format;
using OrleansTempo.Core.Blocks.List;
using OrleansTempo.Core.Otlp;

namespace OrleansTempo.Core.Querier.Traces;

/// <summary>
/// Finds a trace's spans in the listed blocks. It asks every block's Bloom filter; nearly all say no, and the rest cost a page each. A block that
/// proves to be corrupt is set aside; the answer omits it and says so.
/// </summary>
public sealed class BlockTraces(BlockList blocks, BlockReader reader) : ITraceSource
{
    // Uncached footers are read this many at a time: the first query after a start has to read all of them.
    private const int ReadsAtOnce = 16;

    public async ValueTask FindAsync(TenantId tenant, TraceId traceId, TraceRange range, TraceSpans into, ICollection<string> problems, CancellationToken cancellationToken)
    {
        List<BlockMeta>? unopened = null;
        foreach (var block in blocks.Blocks(tenant))
        {
            if (!range.Overlaps(block.StartTime, block.EndTime))
                continue;
            if (reader.IsOpen(block))
                await FindAsync(block, traceId, into, problems, cancellationToken).ConfigureAwait(false);
            else
                (unopened ??= []).Add(block);
        }

        if (unopened is not null)
        {
            await OpenAsync(unopened, cancellationToken).ConfigureAwait(false);
            foreach (var block in unopened)
                await FindAsync(block, traceId, into, problems, cancellationToken).ConfigureAwait(false);
        }

        foreach (var broken in blocks.Broken(tenant))
            problems.Add($"block {broken.BlockId} was left out: {broken.Reason}");
    }

    /// <summary>Adds the spans in blocks that an ingester wrote recently, as far as they are not listed yet.</summary>
    public async ValueTask FindUnlistedAsync(IReadOnlyList<BlockMeta> written, TraceId traceId, TraceSpans into, CancellationToken cancellationToken)
    {
        foreach (var block in written)
        {
            if (blocks.Contains(block.Tenant, block.BlockId))
                continue;
            try
            {
                await reader.FindAsync(block, traceId, into, cancellationToken).ConfigureAwait(false);
            }
            catch (BlockCorruptException)
            {
                // Gone from the list and the store in the meantime: the search of the listed blocks knows why, and says so.
            }
        }
    }

    private async ValueTask FindAsync(BlockMeta block, TraceId traceId, TraceSpans into, ICollection<string> problems, CancellationToken cancellationToken)
    {
        try
        {
            await reader.FindAsync(block, traceId, into, cancellationToken).ConfigureAwait(false);
        }
        catch (BlockCorruptException e)
        {
            await blocks.SetAsideAsync(block, e.Reason, cancellationToken).ConfigureAwait(false);

            // A broken block has been reported above. A missing block was merged into one that was not asked, because the list is that old.
            if (blocks.Broken(block.Tenant).All(broken => broken.BlockId != block.BlockId))
                problems.Add($"block {block.BlockId} was merged or deleted after it was listed: {e.Reason}");
        }
    }

    // Only to run many reads in parallel: errors come up when the block is asked.
    private Task OpenAsync(List<BlockMeta> unopened, CancellationToken cancellationToken) => Parallel.ForEachAsync(
        unopened,
        new ParallelOptions { MaxDegreeOfParallelism = ReadsAtOnce, CancellationToken = cancellationToken },
        async (block, cancellation) =>
        {
            try
            {
                await reader.OpenAsync(block, cancellation).ConfigureAwait(false);
            }
            catch (BlockCorruptException)
            {
            }
        });
}
