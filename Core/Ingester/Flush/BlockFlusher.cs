using System.Collections.Concurrent;
using OrleansTempo.Core.Blocks.Format;
using OrleansTempo.Core.Blocks.Format.Pages;
using OrleansTempo.Core.Objects;

namespace OrleansTempo.Core.Ingester.Flush;

/// <summary>
/// Writes cut blocks to the object store; any number at the same time. Building pages is CPU work, so continuations stay on the caller's context and
/// off the thread pool.
/// </summary>
public sealed class BlockFlusher(IObjectStore store, TimeProvider time)
{
    // A builder's columns are worth keeping: a few megabytes for every block being written at the same time.
    private readonly ConcurrentBag<PageBuilder> _builders = [];

    /// <summary>Writes a block; once it returns, the block is complete and durable.</summary>
    /// <exception cref="IOException">The store cannot be written to; nothing of the block is visible, and the write may be retried.</exception>
    public async Task<BlockMeta> WriteAsync(CutBlock block, CancellationToken cancellationToken)
    {
        var builder = _builders.TryTake(out var former) ? former : new PageBuilder();
        try
        {
            await using var writer = await BlockWriter.CreateAsync(store, block.Tenant, block.BlockId, builder, block.Traces, cancellationToken);
            await block.WriteAsync(writer, cancellationToken);
            var now = time.GetUtcNow();
            return await writer.CompleteAsync(compactionLevel: 0, receivedUntil: now, now, cancellationToken);
        }
        finally
        {
            _builders.Add(builder);
        }
    }
}
