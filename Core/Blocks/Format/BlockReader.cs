using System.Buffers;
using System.Collections.Concurrent;
using OrleansTempo.Core.Blocks.Format.Pages;
using OrleansTempo.Core.Objects;
using OrleansTempo.Core.Otlp;

namespace OrleansTempo.Core.Blocks.Format;

/// <summary>
/// Reads blocks. Looking up a trace checks the block's Bloom filter, which is cached in memory, and reads one page if the filter matches. Safe to
/// call from any thread.
/// </summary>
public sealed class BlockReader(IObjectStore store, long footerCacheBytes = BlockReader.DefaultFooterCacheBytes)
{
    /// <summary>Room for the footers of 3,000 blocks of 40,000 traces.</summary>
    public const long DefaultFooterCacheBytes = 256 << 20;

    private readonly FooterCache _footers = new(footerCacheBytes);
    private readonly ConcurrentBag<BlockPage> _pages = [];

    /// <summary>Adds a trace's spans to <paramref name="into"/>, if the block has any.</summary>
    /// <exception cref="BlockCorruptException">The block does not match its format, or is missing.</exception>
    /// <exception cref="IOException">The store cannot be read.</exception>
    public ValueTask FindAsync(BlockMeta block, TraceId trace, TraceSpans into, CancellationToken cancellationToken) =>
        _footers.TryGet(block.BlockId, out var footer) && !BloomFilter.MayContain(footer.Bloom, trace)
            ? ValueTask.CompletedTask
            : new ValueTask(FindInPagesAsync(block, trace, into, cancellationToken));

    /// <summary>Whether the block's footer is in memory, so that most lookups do no I/O.</summary>
    internal bool IsOpen(BlockMeta block) => _footers.TryGet(block.BlockId, out _);

    /// <summary>The block's footer, from the cache or from the store.</summary>
    internal async ValueTask<BlockFooter> OpenAsync(BlockMeta block, CancellationToken cancellationToken)
    {
        if (_footers.TryGet(block.BlockId, out var known))
            return known;
        var footer = await ReadFooterAsync(block, cancellationToken).ConfigureAwait(false);
        _footers.Add(block.BlockId, footer);
        return footer;
    }

    /// <summary>The block's footer, without caching it: for callers that read the block once.</summary>
    internal async ValueTask<BlockFooter> ReadFooterAsync(BlockMeta block, CancellationToken cancellationToken)
    {
        var length = block.SizeBytes - block.FooterOffset;
        if (length is <= 0 or > int.MaxValue || block.FooterOffset < BlockWriter.Magic.Length)
            throw new BlockCorruptException(block, $"its footer cannot lie between {block.FooterOffset} and {block.SizeBytes}");
        var bytes = new byte[length];
        await ReadAsync(block, block.FooterOffset, bytes, "the footer", cancellationToken).ConfigureAwait(false);
        try
        {
            return BlockFooter.Read(bytes, block.FooterOffset);
        }
        catch (InvalidDataException e)
        {
            throw new BlockCorruptException(block, e.Message, e);
        }
    }

    /// <summary>A page to read into, with some megabytes of arrays; give it back for reuse.</summary>
    internal BlockPage RentPage() => _pages.TryTake(out var former) ? former : new BlockPage();

    internal void ReturnPage(BlockPage page) => _pages.Add(page);

    /// <summary>Reads a whole page into <paramref name="into"/>.</summary>
    internal async ValueTask ReadPageAsync(BlockMeta block, PageEntry entry, BlockPage into, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(entry.Length);
        try
        {
            var bytes = buffer.AsMemory(0, entry.Length);
            await ReadAsync(block, entry.Offset, bytes, "a page", cancellationToken).ConfigureAwait(false);
            if (!entry.Matches(bytes.Span))
                throw new BlockCorruptException(block, $"the page at {entry.Offset} does not match its checksum");
            into.Read(bytes.Span);
        }
        catch (InvalidDataException e)
        {
            throw new BlockCorruptException(block, $"the page at {entry.Offset}: {e.Message}", e);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async Task FindInPagesAsync(BlockMeta block, TraceId trace, TraceSpans into, CancellationToken cancellationToken)
    {
        var footer = await OpenAsync(block, cancellationToken).ConfigureAwait(false);
        if (!BloomFilter.MayContain(footer.Bloom, trace))
            return;

        var page = RentPage();
        for (var i = footer.FirstPageOf(trace); i >= 0 && i < footer.Pages.Length && footer.Pages[i].FirstTrace.CompareTo(trace) <= 0; i++)
        {
            await ReadPageAsync(block, footer.Pages[i], page, cancellationToken).ConfigureAwait(false);
            into.InspectedBytes += footer.Pages[i].Length;
            AddSpans(page, trace, into);
        }

        // A page object whose read failed is not reused: its state is unknown.
        ReturnPage(page);
    }

    private static void AddSpans(BlockPage page, TraceId trace, TraceSpans into)
    {
        var index = page.IndexOf(trace);
        if (index < 0)
            return;
        var restorer = new SpanRestorer(page.Dictionary);
        var found = page.Traces[index];
        for (var span = found.FirstSpan; span < found.FirstSpan + found.SpanCount; span++)
            into.Add(restorer.Restore(trace, page.Row(span), page.Inline(span), page.Other(span)));
    }

    private async ValueTask ReadAsync(BlockMeta block, long offset, Memory<byte> target, string what, CancellationToken cancellationToken)
    {
        var read = await store.ReadAsync(BlockPaths.Data(block.Tenant, block.BlockId), offset, target, cancellationToken).ConfigureAwait(false);
        if (read < 0)
            throw new BlockCorruptException(block, "its data object is missing");
        if (read != target.Length)
            throw new BlockCorruptException(block, $"{what} at {offset} is truncated: only {read} of {target.Length} bytes are there");
    }
}
