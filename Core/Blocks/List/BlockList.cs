using System.Collections.Concurrent;
using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using OrleansTempo.Core.Blocks.Format;
using OrleansTempo.Core.Objects;

namespace OrleansTempo.Core.Blocks.List;

/// <summary>
/// The blocks each tenant has, as this process knows. A poll lists the store and reads the metas that are new; in between it is
/// told of what the process itself does. What a block's folder holds decides:
/// <code>
/// meta.compacted.json     merged or expired       not read, deleted some time later
/// broken.json             set aside               not read; deleting this object brings the block back
/// meta.json               complete                read
/// data alone              being written, or left  not read, deleted after a day
/// </code>
/// A listing is no snapshot: it may pass the place of a merged block before that is written, and see its inputs marked after. Such an
/// input is read until the next poll, which cannot miss the merged one. Safe to call from any thread.
/// </summary>
public sealed partial class BlockList(IObjectStore store, TempoMetrics metrics, TimeProvider time, ILogger logger)
{
    private const int TenantsAtOnce = 4;
    private const int BlocksAtOnce = 8;

    private readonly SemaphoreSlim _polling = new(1, 1);
    private readonly Lock _gate = new();

    // Changed under the lock, read without.
    private readonly ConcurrentDictionary<TenantId, TenantBlocks> _tenants = new();

    // Between a block's data and its meta there is a moment, and a store that fails for a while.
    private static readonly TimeSpan s_beingWritten = TimeSpan.FromMinutes(10);

    // What this process has changed since the poll under way began listing: there it knows better.
    private readonly HashSet<(TenantId Tenant, Guid BlockId)> _changed = [];

    /// <summary>The tenants that have anything in the store.</summary>
    public IReadOnlyCollection<TenantId> Tenants => [.. _tenants.Keys];

    /// <summary>Whether a tenant has anything in the store.</summary>
    public bool Knows(TenantId tenant) => _tenants.ContainsKey(tenant);

    /// <summary>The blocks to read for a tenant: a snapshot that does not change, made when the list does.</summary>
    public IReadOnlyList<BlockMeta> Blocks(TenantId tenant) => Of(tenant).Blocks;

    /// <summary>The blocks that are there and not read: an answer without them may be incomplete.</summary>
    public IReadOnlyList<BrokenBlock> Broken(TenantId tenant) =>
        [.. Of(tenant).States.Values.Select(static state => (state as BlockState.Aside)?.Broken ?? (state as BlockState.Incomplete)?.Lost).OfType<BrokenBlock>()];

    /// <summary>Whether a query here finds the spans of this block: in itself, or in one it was merged into.</summary>
    public bool Contains(TenantId tenant, Guid blockId) =>
        Of(tenant).States.GetValueOrDefault(blockId) is BlockState.Live or BlockState.Compacted;

    /// <summary>Adds a block that this process has completed, without waiting for a poll.</summary>
    public void Add(BlockMeta block) => Set(block.Tenant, block.BlockId, new BlockState.Live(block));

    /// <summary>
    /// Lists all tenants' blocks. A tenant that cannot be listed (<see cref="IOException"/>) keeps what was known, is logged and counted.
    /// </summary>
    /// <returns>Whether all could be listed.</returns>
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
    /// Marks a block as merged or expired: it leaves the list, and its objects stay until <see cref="DeleteAsync"/>. Stopped half way it is
    /// marked all the same.
    /// </summary>
    /// <param name="block">Which one.</param>
    /// <param name="mergedInto">The complete block that has its spans; null where they have expired.</param>
    /// <param name="cancellationToken">Stops it before or half way.</param>
    public async Task MarkCompactedAsync(BlockMeta block, BlockMeta? mergedInto, CancellationToken cancellationToken = default)
    {
        var mark = new CompactedBlock(block, time.GetUtcNow(), mergedInto?.BlockId);
        await store.PutIfAbsentAsync(BlockPaths.Compacted(block.Tenant, block.BlockId), BlockMetaJson.Write(mark), cancellationToken).ConfigureAwait(false);
        Set(block.Tenant, block.BlockId, new BlockState.Compacted(mark.CompactedAt, mark.MergedInto, StillRead: null));
        await store.DeleteAsync(BlockPaths.Meta(block.Tenant, block.BlockId), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Takes a corrupt block out of the list, of every process as soon as it polls; logged and counted once. One that has been
    /// merged or deleted since it was listed is not corrupt but gone, and only leaves the list.
    /// </summary>
    /// <param name="block">Which one.</param>
    /// <param name="reason">What is wrong with it, and where.</param>
    /// <param name="cancellationToken">Stops telling other processes; it leaves this list in any case.</param>
    public async Task SetAsideAsync(BlockMeta block, string reason, CancellationToken cancellationToken = default)
    {
        var broken = new BrokenBlock(block.BlockId, reason, time.GetUtcNow());
        lock (_gate)
        {
            // Another caller was faster.
            if (Of(block.Tenant).States.GetValueOrDefault(block.BlockId)?.Readable is null)
                return;
            Set(block.Tenant, block.BlockId, new BlockState.Aside(broken, IsStored: false));
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
            // Not known to be gone, so here it is corrupt. Others look for themselves: a note in the folder of a block that is gone would stay.
            Count(block.Tenant, broken);
            if (e is OperationCanceledException)
                throw;
            return;
        }

        var isStored = await TellOthersAsync(block.Tenant, broken, cancellationToken).ConfigureAwait(false);
        Set(block.Tenant, block.BlockId, new BlockState.Aside(broken, isStored));
    }

    /// <summary>A tenant's blocks that were written since a moment, by ingesters or compactors: not every process needs to have listed them.</summary>
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

    /// <summary>All that is known of a tenant's blocks, also of those that are not read.</summary>
    internal ImmutableDictionary<Guid, BlockState> States(TenantId tenant) => Of(tenant).States;

    /// <summary>Deletes what is left of a block that has no meta.</summary>
    /// <param name="tenant">Whose it is.</param>
    /// <param name="blockId">Which one.</param>
    /// <param name="lastModified">When something of it was last written, as far as is known.</param>
    /// <param name="cancellationToken">Stops it before or half way.</param>
    /// <returns>False where something has been written since, perhaps its meta: then nothing is deleted.</returns>
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

    /// <summary>Deletes a block's objects, the one that keeps it from being read last.</summary>
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

        // A tenant that has never had a block is any name that somebody has asked for: it gets no series.
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
            if (known is BlockState.Aside { IsStored: true })
                return known;
            return await store.GetAsync(BlockPaths.Broken(tenant, blockId), cancellationToken).ConfigureAwait(false) is { } stored
                ? new BlockState.Aside(BrokenBlockJson.Read(stored.Content, blockId, listed.LastModified), IsStored: true)
                : null;
        }

        if (listed.HasMeta)
        {
            return known is BlockState.Live or BlockState.Aside { IsStored: false }
                ? known
                : await ReadMetaAsync(tenant, blockId, listed, cancellationToken).ConfigureAwait(false);
        }

        // A listing that passed the mark's place before it was written, and the meta's after that was deleted, shows neither.
        return listed.HasData
            ? await ReadMetaAsync(tenant, blockId, listed, cancellationToken).ConfigureAwait(false)
                ?? await WithoutMetaAsync(tenant, blockId, listed, known, cancellationToken).ConfigureAwait(false)
            : null;
    }

    // Data is there from when all of it is, and the meta comes right behind: nobody knows whether a process died between the two, and the log has the
    // spans, or somebody has deleted the meta since, unless this process has seen it.
    private async Task<BlockState?> WithoutMetaAsync(TenantId tenant, Guid blockId, ListedBlock listed, BlockState? known, CancellationToken cancellationToken)
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
        // Not there any more: it has been marked since it was listed, or deleted.
        if (await store.GetAsync(BlockPaths.Meta(tenant, blockId), cancellationToken).ConfigureAwait(false) is not { } stored)
            return await ReadMarkAsync(tenant, blockId, listed, cancellationToken).ConfigureAwait(false);
        if (BlockMetaJson.TryRead(stored.Content, tenant, blockId, out BlockMeta? meta, out var error))
            return new BlockState.Live(meta);

        var broken = new BrokenBlock(blockId, $"meta.json: {error.Message}", time.GetUtcNow());
        if (!error.IsNewer)
            return new BlockState.Aside(broken, await TellOthersAsync(tenant, broken, cancellationToken).ConfigureAwait(false));

        // Not for others: one of them has written it.
        Count(tenant, broken);
        return new BlockState.Aside(broken, IsStored: false);
    }

    private async Task<BlockState?> ReadMarkAsync(TenantId tenant, Guid blockId, ListedBlock listed, CancellationToken cancellationToken)
    {
        if (await store.GetAsync(BlockPaths.Compacted(tenant, blockId), cancellationToken).ConfigureAwait(false) is not { } stored)
            return null;
        if (!BlockMetaJson.TryRead(stored.Content, tenant, blockId, out CompactedBlock? mark, out _))
            return new BlockState.Compacted(listed.LastModified, MergedInto: null, StillRead: null);
        return new BlockState.Compacted(mark.CompactedAt, mark.MergedInto, mark.MergedInto is null ? null : mark.Meta);
    }

    private async Task<bool> TellOthersAsync(TenantId tenant, BrokenBlock broken, CancellationToken cancellationToken)
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
