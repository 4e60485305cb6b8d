using System.Collections.Concurrent;
using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using OrleansTempo.Core.Blocks.Format;
using OrleansTempo.Core.Objects;

namespace OrleansTempo.Core.Blocks.List;

/// <summary>
/// Each tenant's blocks, as far as this process knows. A poll lists the store and reads new metas; in between, the process's own changes are applied.
/// The objects in a block's folder decide its state:
/// <code>
/// meta.compacted.json     merged or expired       not read, deleted later
/// broken.json             set aside               not read; deleting this object brings the block back
/// meta.json               complete                read
/// data alone              being written, or left  not read, deleted a day later
/// </code>
/// A listing is not a snapshot: it may pass a merged block's place before that is written, and then see its inputs marked. Such an input is read
/// until the next poll, which cannot miss the merged block. Safe to call from any thread.
/// </summary>
public sealed partial class BlockList(IObjectStore store, TempoMetrics metrics, TimeProvider time, ILogger logger)
{
    private const int TenantsAtOnce = 4;
    private const int BlocksAtOnce = 8;

    private readonly SemaphoreSlim _polling = new(1, 1);
    private readonly Lock _gate = new();

    // Changed under the lock, read without it.
    private readonly ConcurrentDictionary<TenantId, TenantBlocks> _tenants = new();

    // A block's meta follows its data after a moment, or later if the store fails for a while.
    private static readonly TimeSpan s_beingWritten = TimeSpan.FromMinutes(10);

    // Blocks that this process has changed since the running poll began listing: there, the process knows better.
    private readonly HashSet<(TenantId Tenant, Guid BlockId)> _changed = [];

    /// <summary>The tenants that have anything in the store.</summary>
    public IReadOnlyCollection<TenantId> Tenants => [.. _tenants.Keys];

    /// <summary>Whether a tenant has anything in the store.</summary>
    public bool Knows(TenantId tenant) => _tenants.ContainsKey(tenant);

    /// <summary>A tenant's readable blocks: an immutable snapshot, replaced when the list changes.</summary>
    public IReadOnlyList<BlockMeta> Blocks(TenantId tenant) => Of(tenant).Blocks;

    /// <summary>The blocks that exist but are not read: an answer without them may be incomplete.</summary>
    public IReadOnlyList<BrokenBlock> Broken(TenantId tenant) =>
        [.. Of(tenant).States.Values.Select(static state => (state as BlockState.SetAside)?.Broken ?? (state as BlockState.Incomplete)?.Lost).OfType<BrokenBlock>()];

    /// <summary>Whether a query in this process finds the spans of this block, in it or in the block it was merged into.</summary>
    public bool Contains(TenantId tenant, Guid blockId) =>
        Of(tenant).States.GetValueOrDefault(blockId) is BlockState.Live or BlockState.Compacted;

    /// <summary>Adds a block that this process has completed, without waiting for a poll.</summary>
    public void Add(BlockMeta block) => Set(block.Tenant, block.BlockId, new BlockState.Live(block));

    /// <summary>
    /// Lists all tenants' blocks. If a tenant cannot be listed (<see cref="IOException"/>), its known blocks are kept, and the failure is logged and
    /// counted.
    /// </summary>
    /// <returns>Whether all tenants could be listed.</returns>
    public async Task<bool> PollAsync(CancellationToken cancellationToken = default)
    {
        var started = time.GetTimestamp();
        await BeginAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var tenants = new HashSet<TenantId>();
            try
            {
                foreach (var folder in await store.ListFoldersAsync(BlockPaths.Root, cancellationToken).ConfigureAwait(false))
                {
                    if (TenantFolder.TryRead(folder, out var tenant))
                        tenants.Add(tenant);
                }
            }
            catch (IOException e)
            {
                metrics.BlocklistPollErrors.Add(1, Tag(""));
                LogTenantsUnknown(e.Message);
                return false;
            }

            var failed = 0;
            await Parallel.ForEachAsync(tenants, AtOnce(TenantsAtOnce, cancellationToken), async (tenant, cancellation) =>
            {
                try
                {
                    await ReadTenantAsync(tenant, cancellation).ConfigureAwait(false);
                }
                catch (IOException e)
                {
                    Interlocked.Increment(ref failed);
                    metrics.BlocklistPollErrors.Add(1, Tag(tenant.Value));
                    LogPollFailed(tenant, e.Message);
                }
            }).ConfigureAwait(false);

            foreach (var tenant in Tenants.Where(tenant => !tenants.Contains(tenant)))
                Apply(tenant, []);
            metrics.BlocklistPollDuration.Record(time.GetElapsedTime(started).TotalSeconds);
            return failed == 0;
        }
        finally
        {
            _polling.Release();
        }
    }

    /// <summary>
    /// Marks a block as merged or expired: it leaves the list, and its objects stay until <see cref="DeleteAsync"/>. If interrupted, the block may be
    /// marked all the same.
    /// </summary>
    /// <param name="block">The block.</param>
    /// <param name="mergedInto">The complete block that now holds its spans; null if they have expired.</param>
    /// <param name="cancellationToken">Cancels it, before or halfway through.</param>
    public async Task MarkCompactedAsync(BlockMeta block, BlockMeta? mergedInto, CancellationToken cancellationToken = default)
    {
        var mark = new CompactedBlock(block, time.GetUtcNow(), mergedInto?.BlockId);
        await store.PutIfAbsentAsync(BlockPaths.Compacted(block.Tenant, block.BlockId), BlockMetaJson.Write(mark), cancellationToken).ConfigureAwait(false);
        Set(block.Tenant, block.BlockId, new BlockState.Compacted(mark.CompactedAt, mark.MergedInto, StillRead: null));
        await store.DeleteAsync(BlockPaths.Meta(block.Tenant, block.BlockId), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Removes a corrupt block from this list, and from other processes' lists when they next poll; logged and counted once. A block that has been
    /// merged or deleted since it was listed is not corrupt but gone, and only leaves the list.
    /// </summary>
    /// <param name="block">The block.</param>
    /// <param name="reason">The problem and its place in the block.</param>
    /// <param name="cancellationToken">Stops informing other processes; the block leaves this list in any case.</param>
    public async Task SetAsideAsync(BlockMeta block, string reason, CancellationToken cancellationToken = default)
    {
        var broken = new BrokenBlock(block.BlockId, reason, time.GetUtcNow());
        lock (_gate)
        {
            // Another caller did it first.
            if (Of(block.Tenant).States.GetValueOrDefault(block.BlockId)?.Readable is null)
                return;
            Set(block.Tenant, block.BlockId, new BlockState.SetAside(broken, IsStored: false));
        }

        try
        {
            if (await store.GetAsync(BlockPaths.Meta(block.Tenant, block.BlockId), cancellationToken).ConfigureAwait(false) is null)
            {
                Set(block.Tenant, block.BlockId, null);
                return;
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // As far as is known the block exists, so here it is corrupt. Other processes check for themselves: a note in the folder of a deleted
            // block would stay for ever.
            Count(block.Tenant, broken);
            if (e is OperationCanceledException)
                throw;
            return;
        }

        var isStored = await NotifyOthersAsync(block.Tenant, broken, cancellationToken).ConfigureAwait(false);
        Set(block.Tenant, block.BlockId, new BlockState.SetAside(broken, isStored));
    }

    /// <summary>A tenant's blocks written since a moment, by ingesters or compactors: not every process may have listed them.</summary>
    public IEnumerable<BlockMeta> WrittenSince(TenantId tenant, DateTimeOffset moment) => Of(tenant).Blocks.Where(block => block.CreatedAt >= moment);

    /// <summary>Lists one tenant's blocks now.</summary>
    /// <exception cref="IOException">The store fails; what was known stays.</exception>
    public async Task RefreshAsync(TenantId tenant, CancellationToken cancellationToken)
    {
        await BeginAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await ReadTenantAsync(tenant, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _polling.Release();
        }
    }

    /// <summary>Everything known about a tenant's blocks, including those not read.</summary>
    internal ImmutableDictionary<Guid, BlockState> States(TenantId tenant) => Of(tenant).States;

    /// <summary>Deletes the remains of a block without a meta.</summary>
    /// <param name="tenant">The tenant that owns it.</param>
    /// <param name="blockId">The block's ID.</param>
    /// <param name="lastModified">When any of its objects was last written, as far as is known.</param>
    /// <param name="cancellationToken">Cancels it, before or halfway through.</param>
    /// <returns>False, with nothing deleted, if something has been written since, perhaps its meta.</returns>
    internal async Task<bool> TryDeleteIncompleteAsync(TenantId tenant, Guid blockId, DateTimeOffset lastModified, CancellationToken cancellationToken)
    {
        await foreach (var found in store.ListAsync(BlockPaths.Block(tenant, blockId), cancellationToken).ConfigureAwait(false))
        {
            if (found.LastModified > lastModified)
                return false;
        }

        await DeleteAsync(tenant, blockId, cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <summary>Deletes a block's objects; the one that keeps it from being read goes last.</summary>
    internal async Task DeleteAsync(TenantId tenant, Guid blockId, CancellationToken cancellationToken)
    {
        await store.DeleteAsync(BlockPaths.Meta(tenant, blockId), cancellationToken).ConfigureAwait(false);
        await store.DeleteAsync(BlockPaths.Data(tenant, blockId), cancellationToken).ConfigureAwait(false);
        await store.DeleteAsync(BlockPaths.Broken(tenant, blockId), cancellationToken).ConfigureAwait(false);
        await store.DeleteAsync(BlockPaths.Compacted(tenant, blockId), cancellationToken).ConfigureAwait(false);
        Set(tenant, blockId, null);
    }

    private static ParallelOptions AtOnce(int count, CancellationToken cancellationToken) =>
        new() { MaxDegreeOfParallelism = count, CancellationToken = cancellationToken };

    private static KeyValuePair<string, object?> Tag(string tenant) => new("tenant", tenant);

    private TenantBlocks Of(TenantId tenant) => _tenants.GetValueOrDefault(tenant, TenantBlocks.None);

    private async Task BeginAsync(CancellationToken cancellationToken)
    {
        await _polling.WaitAsync(cancellationToken).ConfigureAwait(false);
        lock (_gate)
            _changed.Clear();
    }

    private void Set(TenantId tenant, Guid blockId, BlockState? state)
    {
        lock (_gate)
        {
            _changed.Add((tenant, blockId));
            Publish(tenant, Of(tenant).With(blockId, state));
        }
    }

    private void Apply(TenantId tenant, IEnumerable<KeyValuePair<Guid, BlockState>> polled)
    {
        lock (_gate)
        {
            var known = Of(tenant).States;
            var states = polled.ToImmutableDictionary().ToBuilder();
            foreach (var (_, blockId) in _changed.Where(changed => changed.Tenant == tenant))
            {
                if (known.TryGetValue(blockId, out var state))
                    states[blockId] = state;
                else
                    states.Remove(blockId);
            }

            Publish(tenant, new TenantBlocks(states.ToImmutable()));
        }
    }

    private void Publish(TenantId tenant, TenantBlocks blocks)
    {
        if (!blocks.States.IsEmpty)
            _tenants[tenant] = blocks;

        // A tenant that never had a block may be any name somebody asked for, so it gets no series.
        else if (!_tenants.TryRemove(tenant, out _))
            return;
        metrics.BlocklistLength.Record(blocks.Blocks.Count, Tag(tenant.Value));
        metrics.BlocklistPollErrors.Add(0, Tag(tenant.Value));
    }

    private async Task ReadTenantAsync(TenantId tenant, CancellationToken cancellationToken)
    {
        var known = Of(tenant).States;
        var listed = await ListTenantAsync(tenant, cancellationToken).ConfigureAwait(false);
        var states = new ConcurrentDictionary<Guid, BlockState>();
        await Parallel.ForEachAsync(listed, AtOnce(BlocksAtOnce, cancellationToken), async (block, cancellation) =>
        {
            var (blockId, objects) = block;
            if (await StateAsync(tenant, blockId, objects, known.GetValueOrDefault(blockId), cancellation).ConfigureAwait(false) is { } state)
                states[blockId] = state;
        }).ConfigureAwait(false);

        foreach (var (blockId, state) in states)
        {
            if (state is BlockState.Compacted { StillRead: not null, MergedInto: { } into } compacted && states.TryGetValue(into, out var merged) && merged is not BlockState.Incomplete)
                states[blockId] = compacted with { StillRead = null };
        }

        Apply(tenant, states);
    }

    private async Task<Dictionary<Guid, ListedBlock>> ListTenantAsync(TenantId tenant, CancellationToken cancellationToken)
    {
        var prefix = BlockPaths.Tenant(tenant);
        var blocks = new Dictionary<Guid, ListedBlock>();
        await foreach (var found in store.ListAsync(prefix, cancellationToken).ConfigureAwait(false))
        {
            if (!BlockPaths.TryRead(found.Name, prefix, out var blockId, out var file))
                continue;
            if (!blocks.TryGetValue(blockId, out var block))
                blocks.Add(blockId, block = new ListedBlock());
            block.HasData |= file is BlockPaths.DataFile;
            block.HasMeta |= file is BlockPaths.MetaFile;
            block.IsCompacted |= file is BlockPaths.CompactedFile;
            block.IsBroken |= file is BlockPaths.BrokenFile;
            if (found.LastModified > block.LastModified)
                block.LastModified = found.LastModified;
        }

        return blocks;
    }

    private async Task<BlockState?> StateAsync(TenantId tenant, Guid blockId, ListedBlock listed, BlockState? known, CancellationToken cancellationToken)
    {
        if (listed.IsCompacted)
        {
            return known is BlockState.Compacted compacted
                ? compacted with { StillRead = null }
                : await ReadMarkAsync(tenant, blockId, listed, cancellationToken).ConfigureAwait(false);
        }

        if (listed.IsBroken)
        {
            if (known is BlockState.SetAside { IsStored: true })
                return known;
            return await store.GetAsync(BlockPaths.Broken(tenant, blockId), cancellationToken).ConfigureAwait(false) is { } stored
                ? new BlockState.SetAside(BrokenBlockJson.Read(stored.Content, blockId, listed.LastModified), IsStored: true)
                : null;
        }

        if (listed.HasMeta)
        {
            return known is BlockState.Live or BlockState.SetAside { IsStored: false }
                ? known
                : await ReadMetaAsync(tenant, blockId, listed, cancellationToken).ConfigureAwait(false);
        }

        // A listing may pass the mark's place before the mark is written, and the meta's place after that is deleted, and so show neither.
        return listed.HasData
            ? await ReadMetaAsync(tenant, blockId, listed, cancellationToken).ConfigureAwait(false)
                ?? await StateWithoutMetaAsync(tenant, blockId, listed, known, cancellationToken).ConfigureAwait(false)
            : null;
    }

    // Data appears once it is complete, and the meta follows at once. Unless this process has seen the meta, nobody knows whether a process died
    // between the two, in which case the log has the spans, or somebody deleted the meta later.
    private async Task<BlockState?> StateWithoutMetaAsync(TenantId tenant, Guid blockId, ListedBlock listed, BlockState? known, CancellationToken cancellationToken)
    {
        if (known is BlockState.Incomplete { IsNoted: true } noted)
            return listed.LastModified > noted.LastModified ? noted with { LastModified = listed.LastModified } : noted;
        var now = time.GetUtcNow();
        if (known is not BlockState.Live && now - listed.LastModified < s_beingWritten)
            return new BlockState.Incomplete(listed.LastModified);
        var head = new byte[BlockWriter.Magic.Length];
        var read = await store.ReadAsync(BlockPaths.Data(tenant, blockId), 0, head, cancellationToken).ConfigureAwait(false);
        if (read < 0)
            return null;
        if (known is BlockState.Live { Meta: var meta })
        {
            var lost = new BrokenBlock(blockId, $"its meta.json has disappeared: {meta.Traces} traces from {meta.StartTime:O} to {meta.EndTime:O}", now);
            metrics.BlocksWithoutMeta.Add(1, Tag(tenant.Value));
            LogMetaGone(blockId, tenant, meta.Traces, meta.StartTime, meta.EndTime);
            return new BlockState.Incomplete(now, IsNoted: true, lost);
        }

        if (!head.AsSpan().SequenceEqual(BlockWriter.Magic))
            return new BlockState.Incomplete(listed.LastModified, IsNoted: true);
        metrics.BlocksWithoutMeta.Add(1, Tag(tenant.Value));
        LogWithoutMeta(blockId, tenant, listed.LastModified);
        return new BlockState.Incomplete(now, IsNoted: true);
    }

    private async Task<BlockState?> ReadMetaAsync(TenantId tenant, Guid blockId, ListedBlock listed, CancellationToken cancellationToken)
    {
        // Missing: it was marked or deleted after it was listed.
        if (await store.GetAsync(BlockPaths.Meta(tenant, blockId), cancellationToken).ConfigureAwait(false) is not { } stored)
            return await ReadMarkAsync(tenant, blockId, listed, cancellationToken).ConfigureAwait(false);
        if (BlockMetaJson.TryRead(stored.Content, tenant, blockId, out BlockMeta? meta, out var error))
            return new BlockState.Live(meta);

        var broken = new BrokenBlock(blockId, $"meta.json: {error.Message}", time.GetUtcNow());
        if (!error.IsNewer)
            return new BlockState.SetAside(broken, await NotifyOthersAsync(tenant, broken, cancellationToken).ConfigureAwait(false));

        // Other processes are not told that the block is broken: a newer one among them wrote it.
        Count(tenant, broken);
        return new BlockState.SetAside(broken, IsStored: false);
    }

    private async Task<BlockState?> ReadMarkAsync(TenantId tenant, Guid blockId, ListedBlock listed, CancellationToken cancellationToken)
    {
        if (await store.GetAsync(BlockPaths.Compacted(tenant, blockId), cancellationToken).ConfigureAwait(false) is not { } stored)
            return null;
        if (!BlockMetaJson.TryRead(stored.Content, tenant, blockId, out CompactedBlock? mark, out _))
            return new BlockState.Compacted(listed.LastModified, MergedInto: null, StillRead: null);
        return new BlockState.Compacted(mark.CompactedAt, mark.MergedInto, mark.MergedInto is null ? null : mark.Meta);
    }

    private async Task<bool> NotifyOthersAsync(TenantId tenant, BrokenBlock broken, CancellationToken cancellationToken)
    {
        Count(tenant, broken);
        try
        {
            await store.PutIfAbsentAsync(BlockPaths.Broken(tenant, broken.BlockId), BrokenBlockJson.Write(broken), cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (IOException e)
        {
            LogBrokenNotStored(broken.BlockId, tenant, e.Message);
            return false;
        }
    }

    private void Count(TenantId tenant, BrokenBlock broken)
    {
        metrics.BlocksSetAside.Add(1, Tag(tenant.Value));
        LogSetAside(broken.BlockId, tenant, broken.Reason);
    }

    [LoggerMessage(1301, LogLevel.Error, "The tenants in the object store cannot be listed; the blocks known so far are used: {Reason}")]
    private partial void LogTenantsUnknown(string reason);

    [LoggerMessage(1302, LogLevel.Error, "The blocks of tenant {Tenant} cannot be listed; those known so far are used: {Reason}")]
    private partial void LogPollFailed(TenantId tenant, string reason);

    [LoggerMessage(1303, LogLevel.Error, "The meta.json of block {Block} of tenant {Tenant} is gone, although the block was neither merged nor expired: its {Traces} traces, from {Start:O} to {End:O}, can no longer be found. Put meta.json back; without it the data is deleted in a day")]
    private partial void LogMetaGone(Guid block, TenantId tenant, long traces, DateTimeOffset start, DateTimeOffset end);

    [LoggerMessage(1304, LogLevel.Warning, "Block {Block} of tenant {Tenant} has data, last written at {LastModified:O}, but no meta.json, so it is not read. Either the process that wrote it ended too early, and its traces come back from the write-ahead log, or somebody deleted meta.json: then put it back. The data is deleted in a day")]
    private partial void LogWithoutMeta(Guid block, TenantId tenant, DateTimeOffset lastModified);

    [LoggerMessage(1305, LogLevel.Error, "Block {Block} of tenant {Tenant} is set aside and no longer read: {Reason}")]
    private partial void LogSetAside(Guid block, TenantId tenant, string reason);

    [LoggerMessage(1306, LogLevel.Warning, "Other processes cannot be told that block {Block} of tenant {Tenant} is set aside: {Reason}")]
    private partial void LogBrokenNotStored(Guid block, TenantId tenant, string reason);

    private sealed class ListedBlock
    {
        public bool HasData { get; set; }

        public bool HasMeta { get; set; }

        public bool IsCompacted { get; set; }

        public bool IsBroken { get; set; }

        public DateTimeOffset LastModified { get; set; }
    }
}
