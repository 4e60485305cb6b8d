using OrleansTempo.Core.Blocks.Format.Pages;
using OrleansTempo.Core.Objects;

namespace OrleansTempo.Core.Blocks.Format;

/// <summary>
/// Writes one block to the object store, trace by trace in the order of their IDs, page by page. The block exists once <see cref="CompleteAsync"/>
/// has returned, and not before.
/// <code>
///   data:       [magic][page]…[page][footer]          written as traces come
///   meta.json:  what the block holds                  written last: without it there is no block
/// </code>
/// </summary>
internal sealed class BlockWriter : IAsyncDisposable
{
    private readonly IObjectStore _store;
    private readonly IObjectWriter _data;
    private readonly TenantId _tenant;
    private readonly Guid _blockId;
    private readonly PageBuilder _page;
    private readonly byte[] _bloom;
    private readonly List<PageEntry> _pages = [];
    private int _pageNumber;
    private long _length;
    private long _spans;
    private long _traces;
    private TraceId _lastTrace;
    private bool _pageContinues;
    private ulong _minStart = ulong.MaxValue;
    private ulong _maxEnd;

    private BlockWriter(IObjectStore store, IObjectWriter data, TenantId tenant, Guid blockId, PageBuilder page, long maxTraces)
    {
        _store = store;
        _data = data;
        _tenant = tenant;
        _blockId = blockId;
        _page = page;
        _bloom = BloomFilter.Create(maxTraces);
    }

    /// <summary>The first bytes of <c>data</c>: the name of the format and its version.</summary>
    public static ReadOnlySpan<byte> Magic => "OTBLOCK\x01"u8;

    /// <summary>Whether to write the page before the next trace begins.</summary>
    public bool PageIsFull => _page.IsFull;

    /// <summary>Whether the page must be written before the next span, even in the middle of a trace.</summary>
    public bool PageIsOverfull => _page.IsOverfull;

    /// <summary>Begins a block.</summary>
    /// <param name="store">Where to write it.</param>
    /// <param name="tenant">The tenant that owns it.</param>
    /// <param name="blockId">Its ID, used by no other block.</param>
    /// <param name="page">Builds its pages; the writer uses it exclusively until disposed.</param>
    /// <param name="maxTraces">The maximum number of traces; sizes the Bloom filter.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <exception cref="IOException">The store cannot be written to.</exception>
    public static async Task<BlockWriter> CreateAsync(IObjectStore store, TenantId tenant, Guid blockId, PageBuilder page, long maxTraces, CancellationToken cancellationToken)
    {
        page.Clear();
        var data = await store.CreateAsync(BlockPaths.Data(tenant, blockId), cancellationToken);
        var writer = new BlockWriter(store, data, tenant, blockId, page, maxTraces);
        await data.WriteAsync(Magic.ToArray(), cancellationToken);
        writer._length = Magic.Length;
        return writer;
    }

    public void BeginTrace(TraceId trace)
    {
        _page.BeginTrace(trace);
        var continues = _traces > 0 && _lastTrace == trace;
        if (_page.Spans == 0)
            _pageContinues = continues;
        if (continues)
            return;
        _traces++;
        _lastTrace = trace;
        BloomFilter.Add(_bloom, trace);
    }

    public void Add(SpanSource source, in SpanRow row, ReadOnlySpan<byte> inline, ReadOnlySpan<byte> other)
    {
        _page.AddSpan(row, source.Translate(row.Shape, _pageNumber, _page.Dictionary), inline, other);
        _spans++;
        var end = row.StartTimeUnixNano + row.DurationNano;
        _maxEnd = Math.Max(_maxEnd, Math.Max(end, row.StartTimeUnixNano));
        _minStart = Math.Min(_minStart, row.StartTimeUnixNano);
    }

    public void EndTrace() => _page.EndTrace();

    /// <summary>Writes the page built so far, if there is one. Call it between traces, or after <see cref="EndTrace"/> if the same trace then continues.</summary>
    public async ValueTask WritePageAsync(CancellationToken cancellationToken)
    {
        if (_page.Spans == 0)
            return;
        var bytes = _page.Encode(out var searchLength);
        _pages.Add(new PageEntry
        {
            FirstTrace = _page.FirstTrace,
            Continues = _pageContinues,
            Offset = _length,
            Length = bytes.Length,
            SearchLength = searchLength,
            SearchChecksum = Crc32C.Of(bytes.Span[..searchLength]),
            RestChecksum = Crc32C.Of(bytes.Span[searchLength..]),
            Spans = _page.Spans,
            MinStart = _page.MinStart,
            MaxStart = _page.MaxStart,
        });
        await _data.WriteAsync(bytes, cancellationToken);
        _length += bytes.Length;
        _page.Clear();
        _pageNumber++;
    }

    /// <summary>Completes the block: writes its footer, and finally its <c>meta.json</c>.</summary>
    /// <param name="compactionLevel">0 for a block cut by an ingester.</param>
    /// <param name="receivedUntil">When the last of its spans had been received.</param>
    /// <param name="now">The current time.</param>
    /// <param name="cancellationToken">Cancels it; the block then does not exist.</param>
    /// <exception cref="IOException">The store cannot be written to; the block does not exist.</exception>
    public async Task<BlockMeta> CompleteAsync(int compactionLevel, DateTimeOffset receivedUntil, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await WritePageAsync(cancellationToken);
        var footer = new ColumnBuffer(_bloom.Length + (_pages.Count * BlockFooter.MaxPageBytes) + 64);
        new BlockFooter { Bloom = _bloom, Pages = [.. _pages] }.Write(footer);
        await _data.WriteAsync(footer.Memory, cancellationToken);
        await _data.CompleteAsync(cancellationToken);

        var meta = new BlockMeta
        {
            BlockId = _blockId,
            Tenant = _tenant,
            StartTime = Time(Math.Min(_minStart, _maxEnd)),
            EndTime = Time(_maxEnd),
            Traces = _traces,
            Spans = _spans,
            SizeBytes = _length + footer.Length,
            FooterOffset = _length,
            CompactionLevel = compactionLevel,
            ReceivedUntil = receivedUntil,
            CreatedAt = now,
        };
        await _store.PutAsync(BlockPaths.Meta(_tenant, _blockId), BlockMetaJson.Write(meta), cancellationToken);
        return meta;
    }

    public ValueTask DisposeAsync() => _data.DisposeAsync();

    // Clients send any time they like; times beyond the calendar are moved to its end.
    private static DateTimeOffset Time(ulong unixNano)
    {
        var ticks = (long)(unixNano / TimeSpan.NanosecondsPerTick);
        return ticks <= (DateTimeOffset.MaxValue - DateTimeOffset.UnixEpoch).Ticks ? DateTimeOffset.UnixEpoch.AddTicks(ticks) : DateTimeOffset.MaxValue;
    }
}
