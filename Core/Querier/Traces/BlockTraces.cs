using OrleansTempo.Core.Blocks.Format;
using OrleansTempo.Core.Blocks.List;
using OrleansTempo.Core.Otlp;

namespace OrleansTempo.Core.Querier.Traces;

/// <summary>
/// A trace's spans in the listed blocks. Every block's Bloom filter is asked; nearly all say no, and what is left costs a
/// page each. A block that turns out to be corrupt is set aside, and the answer goes on without it and says so.
/// </summary>
public sealed class BlockTraces(BlockList blocks, BlockReader reader) : ITraceSource
{
    // Footers that are not in memory yet are read this many at a time: the first query after a start has all of them to read.
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

    /// <summary>Adds what blocks have that an ingester has written lately, as far as they are not listed yet.</summary>
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
                // Gone from the list meanwhile, and from the store: whoever reads the listed blocks knows why, and says so.
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

            // One that is broken stands among those that are, above. One that is gone was merged into a block that was not asked, for the list is that old.
            if (blocks.Broken(block.Tenant).All(broken => broken.BlockId != block.BlockId))
                problems.Add($"block {block.BlockId} was merged or deleted after it was listed: {e.Reason}");
        }
    }

    // Only to have many reads under way: what is wrong with a block comes out when it is asked.
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
