using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using OrleansTempo.Core.Blocks.Format;
using OrleansTempo.Core.Blocks.List;
using OrleansTempo.Core.Configuration.Compactor;
using OrleansTempo.Core.Objects;

namespace OrleansTempo.Core.Blocks.Compaction;

/// <summary>
/// Merges every tenant's blocks, marks those that have expired, and deletes what was marked a while ago.
/// <code>
/// claim the tenant ─► list it again ─► plan ─► merge ─► list the merged block ─► mark its inputs as compacted
///                                                                               mark what has expired
///                                     compacted_block_retention after the mark: delete
/// </code>
/// It loses nothing wherever it is stopped: until the inputs are marked, their spans exist twice, and readers and the next merge treat them as one.
/// One compactor at a time works on a tenant, see <see cref="CompactorClaim"/>.
/// </summary>
public sealed partial class Compactor
{
    /// <summary>How long after its last write a block without a meta is deleted: by then nobody is writing it.</summary>
    internal static readonly TimeSpan IncompleteBlockRetention = TimeSpan.FromDays(1);

    /// <summary>How long one tenant's turn may last while others wait; work in progress is completed.</summary>
    internal static readonly TimeSpan MaxTurn = TimeSpan.FromMinutes(5);

    private readonly IObjectStore _store;
    private readonly BlockList _blocks;
    private readonly IBlockMerger _merger;
    private readonly CompactorOptions _options;
    private readonly Func<TenantId, TimeSpan> _retentionOf;
    private readonly Func<TenantId, bool> _isDisabledFor;
    private readonly TempoMetrics _metrics;
    private readonly TimeProvider _time;

    // Retention goes by it, so that a clock that is wrong for a while does not delete what it makes look old.
    private readonly ClockWatch _clock;
    private readonly ILogger _logger;
    private readonly string _owner = $"{Environment.MachineName}/{Guid.NewGuid():N}";

    /// <param name="store">Where the blocks are.</param>
    /// <param name="blocks">The process's block list, which its owner polls as well.</param>
    /// <param name="merger">Merges several blocks into one.</param>
    /// <param name="options"><c>compactor</c>.</param>
    /// <param name="retentionOf">How long a tenant's blocks are kept after their spans were received; zero keeps them for ever.</param>
    /// <param name="isDisabledFor">Whether a tenant's blocks must not be merged, marked or deleted.</param>
    /// <param name="metrics">Counts what was merged, marked and deleted.</param>
    /// <param name="time">The clock of windows and cycles.</param>
    /// <param name="logger">The process's log.</param>
    /// <param name="clock">The clock for retention, if the process has one.</param>
    public Compactor(
        IObjectStore store,
        BlockList blocks,
        IBlockMerger merger,
        CompactorOptions options,
        Func<TenantId, TimeSpan> retentionOf,
        Func<TenantId, bool> isDisabledFor,
        TempoMetrics metrics,
        TimeProvider time,
        ILogger logger,
        ClockWatch? clock = null)
    {
        _store = store;
        _blocks = blocks;
        _merger = merger;
        _options = options;
        _retentionOf = retentionOf;
        _isDisabledFor = isDisabledFor;
        _metrics = metrics;
        _time = time;
        _clock = clock ?? new ClockWatch(time, logger);
        _logger = logger;
    }

    /// <summary>Runs a cycle every <see cref="CompactorOptions.CompactionCycle"/> until cancelled; returns at once if compaction is disabled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (!_options.Disabled)
            {
                await Task.Delay(_options.CompactionCycle, _time, cancellationToken).ConfigureAwait(false);
                await RunCycleAsync(cancellationToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
        }
    }

    /// <summary>Gives each tenant that needs work one turn. A failure ends that tenant's turn, and is logged and counted.</summary>
    public async Task RunCycleAsync(CancellationToken cancellationToken)
    {
        var retaining = TimeSpan.Zero;
        foreach (var tenant in _blocks.Tenants)
        {
            if (_isDisabledFor(tenant))
                continue;
            var turn = new Turn { Errors = _metrics.CompactionErrors };
            try
            {
                await TakeTurnAsync(tenant, turn, cancellationToken).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                throw;
            }
            catch (OperationCanceledException)
            {
                LogClaimLost(tenant);
            }
            catch (IOException e)
            {
                turn.Errors.Add(1);
                LogFailed(tenant, e.Message);
            }
            catch (Exception e)
            {
                // A bug of ours; the other tenants' blocks must not pile up because of it.
                turn.Errors.Add(1);
                LogFault(e, tenant);
            }

            retaining += turn.Retaining;
        }

        _metrics.RetentionDuration.Record(retaining.TotalSeconds);
    }

    private async Task TakeTurnAsync(TenantId tenant, Turn turn, CancellationToken cancellationToken)
    {
        if (ReportOutstanding(tenant) == 0 && Expired(tenant).Count == 0 && Deletable(tenant).Count == 0)
            return;
        await using var claim = await CompactorClaim.TryClaimAsync(_store, _time, tenant, _owner, cancellationToken).ConfigureAwait(false);
        if (claim is null)
            return;

        // Another process may have worked on it since the last poll.
        await _blocks.RefreshAsync(tenant, claim.Held).ConfigureAwait(false);
        await MergeAsync(tenant, claim.Held).ConfigureAwait(false);
        turn.Errors = _metrics.RetentionErrors;
        var started = _time.GetTimestamp();
        try
        {
            await MarkExpiredAsync(tenant, claim.Held).ConfigureAwait(false);
            await DeleteAsync(tenant, claim.Held).ConfigureAwait(false);
        }
        finally
        {
            turn.Retaining = _time.GetElapsedTime(started);
        }

        // Otherwise the tenant would stay in the store with nothing but a claim.
        if (_blocks.States(tenant).IsEmpty)
            await _store.DeleteAsync(BlockPaths.CompactorClaim(tenant), claim.Held).ConfigureAwait(false);
    }

    private async Task MergeAsync(TenantId tenant, CancellationToken cancellationToken)
    {
        var started = _time.GetTimestamp();
        foreach (var inputs in Plan(tenant))
        {
            if (_time.GetElapsedTime(started) >= MaxTurn)
                break;
            try
            {
                var merged = await _merger.MergeAsync(tenant, inputs, cancellationToken).ConfigureAwait(false);
                _blocks.Add(merged);
                Count(inputs, merged);
                foreach (var input in inputs)
                    await _blocks.MarkCompactedAsync(input, merged, cancellationToken).ConfigureAwait(false);
            }
            catch (BlockCorruptException e)
            {
                await _blocks.SetAsideAsync(e.Block, e.Reason, cancellationToken).ConfigureAwait(false);
            }
        }

        ReportOutstanding(tenant);
    }

    private int ReportOutstanding(TenantId tenant)
    {
        var outstanding = Plan(tenant).Sum(static inputs => inputs.Count);
        _metrics.CompactionOutstandingBlocks.Record(outstanding, new KeyValuePair<string, object?>("tenant", tenant.Value));
        return outstanding;
    }

    private async Task MarkExpiredAsync(TenantId tenant, CancellationToken cancellationToken)
    {
        foreach (var block in Expired(tenant))
        {
            await _blocks.MarkCompactedAsync(block, mergedInto: null, cancellationToken).ConfigureAwait(false);
            _metrics.RetentionMarked.Add(1);
            LogExpired(block.BlockId, tenant, block.ReceivedUntil);
        }
    }

    private async Task DeleteAsync(TenantId tenant, CancellationToken cancellationToken)
    {
        foreach (var (blockId, state) in Deletable(tenant))
        {
            // Its writer may have succeeded on a retry since the list was made, before merges that took minutes.
            if (state is not BlockState.Incomplete incomplete)
                await _blocks.DeleteAsync(tenant, blockId, cancellationToken).ConfigureAwait(false);
            else if (!await _blocks.TryDeleteIncompleteAsync(tenant, blockId, incomplete.LastModified, cancellationToken).ConfigureAwait(false))
                continue;
            _metrics.RetentionDeleted.Add(1);
            LogDeleted(blockId, tenant);
        }
    }

    private IReadOnlyList<IReadOnlyList<BlockMeta>> Plan(TenantId tenant)
    {
        // Expired blocks are not worth merging.
        var expired = Expired(tenant).Select(static block => block.BlockId).ToHashSet();
        return CompactionPlanner.Plan([.. _blocks.Blocks(tenant).Where(block => !expired.Contains(block.BlockId))], _options, _time.GetUtcNow());
    }

    private List<BlockMeta> Expired(TenantId tenant)
    {
        var retention = _retentionOf(tenant);
        if (retention == TimeSpan.Zero)
            return [];
        var now = _clock.Settled;
        return [.. _blocks.Blocks(tenant).Where(block => now - block.ReceivedUntil > retention)];
    }

    private List<KeyValuePair<Guid, BlockState>> Deletable(TenantId tenant)
    {
        var now = _clock.Settled;
        var retention = _retentionOf(tenant);
        return [.. _blocks.States(tenant).Where(entry => IsDeletable(entry.Value, retention, now))];
    }

    private bool IsDeletable(BlockState state, TimeSpan retention, DateTimeOffset now) => state switch
    {
        BlockState.Compacted compacted => now - compacted.At >= _options.CompactedBlockRetention,
        BlockState.SetAside { IsStored: true } aside => retention > TimeSpan.Zero && now - aside.Broken.SetAsideAt > retention,
        BlockState.Incomplete incomplete => now - incomplete.LastModified > IncompleteBlockRetention,
        _ => false,
    };

    private void Count(IReadOnlyList<BlockMeta> inputs, BlockMeta merged)
    {
        var level = new KeyValuePair<string, object?>("level", inputs.Max(static input => input.CompactionLevel));
        _metrics.CompactionBlocks.Add(inputs.Count, level);
        _metrics.CompactionObjectsCombined.Add(inputs.Sum(static input => input.Traces) - merged.Traces, level);
        _metrics.CompactionObjectsWritten.Add(merged.Traces, level);
        _metrics.CompactionBytesWritten.Add(merged.SizeBytes, level);
        LogMerged(inputs.Count, merged.Tenant, merged.BlockId, merged.CompactionLevel, merged.Traces, merged.SizeBytes);
    }

    /// <summary>The progress of a tenant's turn.</summary>
    private sealed class Turn
    {
        /// <summary>The counter for failures of the current step.</summary>
        public required Counter<long> Errors { get; set; }

        /// <summary>How long marking and deleting took.</summary>
        public TimeSpan Retaining { get; set; }
    }

    [LoggerMessage(1307, LogLevel.Information, "Merged {Inputs} blocks of tenant {Tenant} into {Block}: level {Level}, {Traces} traces, {Bytes} bytes")]
    private partial void LogMerged(int inputs, TenantId tenant, Guid block, int level, long traces, long bytes);

    [LoggerMessage(1308, LogLevel.Information, "Block {Block} of tenant {Tenant} has expired; its last span was received at {ReceivedUntil:O}")]
    private partial void LogExpired(Guid block, TenantId tenant, DateTimeOffset receivedUntil);

    [LoggerMessage(1309, LogLevel.Debug, "Deleted block {Block} of tenant {Tenant}")]
    private partial void LogDeleted(Guid block, TenantId tenant);

    [LoggerMessage(1310, LogLevel.Warning, "Compaction of tenant {Tenant} stops: another process has taken it over, or the claim could not be renewed")]
    private partial void LogClaimLost(TenantId tenant);

    [LoggerMessage(1311, LogLevel.Error, "Compaction of tenant {Tenant} failed and is retried in the next cycle: {Reason}")]
    private partial void LogFailed(TenantId tenant, string reason);

    [LoggerMessage(1312, LogLevel.Critical, "Compaction of tenant {Tenant} failed unexpectedly")]
    private partial void LogFault(Exception exception, TenantId tenant);
}
