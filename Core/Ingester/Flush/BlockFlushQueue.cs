using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using OrleansTempo.Core.Blocks.List;

namespace OrleansTempo.Core.Ingester.Flush;

/// <summary>
/// Writes the blocks that partitions have cut, on threads of its own. A block that cannot be written is retried until it can. In the meantime its
/// traces are in memory and in the write-ahead log, and once memory is used up, pushes are refused.
/// </summary>
public sealed partial class BlockFlushQueue : IAsyncDisposable
{
    private static readonly TimeSpan s_firstBackoff = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_longestBackoff = TimeSpan.FromSeconds(30);

    private readonly Channel<Job> _jobs = Channel.CreateUnbounded<Job>();
    private readonly ConcurrentDictionary<Guid, Job> _unwritten = new();
    private readonly BlockFlusher _flusher;
    private readonly BlockList _blocks;
    private readonly TempoMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly DedicatedThreads _threads;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task[] _writers;

    public BlockFlushQueue(BlockFlusher flusher, BlockList blocks, TempoMetrics metrics, TimeProvider time, ILogger logger)
    {
        _flusher = flusher;
        _blocks = blocks;
        _metrics = metrics;
        _time = time;
        _logger = logger;

        // One thread writes millions of spans a second.
        var threads = Math.Max(1, Environment.ProcessorCount / 4);
        _threads = new DedicatedThreads("ingester flush", threads);
        _writers = [.. Enumerable.Range(0, threads).Select(_ => Task.Factory.StartNew(WriteAllAsync, CancellationToken.None, TaskCreationOptions.None, _threads).Unwrap())];
    }

    /// <summary>Queues a block; once the queue is closed, the block is left to the log.</summary>
    internal void Enqueue(IngesterPartition partition, CutBlock block)
    {
        var job = new Job(partition, block, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        _unwritten[block.BlockId] = job;
        _metrics.FlushQueueLength.Record(_unwritten.Count);
        _metrics.BlocksCut.Add(1, new KeyValuePair<string, object?>("reason", block.Reason));
        if (!_jobs.Writer.TryWrite(job))
            job.Written.SetCanceled();
    }

    /// <summary>Completes once all blocks of the selected partitions that are queued now have been written; cancelled if the queue is closed first.</summary>
    public Task WrittenAsync(Func<IngesterPartition, bool> isOf) =>
        Task.WhenAll(_unwritten.Values.Where(job => isOf(job.Partition)).Select(static job => job.Written.Task));

    /// <summary>Stops without writing what still waits: it is in the write-ahead log.</summary>
    public async ValueTask DisposeAsync()
    {
        _jobs.Writer.TryComplete();
        await _stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_writers).ConfigureAwait(false);
        while (_jobs.Reader.TryRead(out var job))
            job.Written.SetCanceled();
        _threads.Dispose();
        _stop.Dispose();
    }

    private async Task WriteAllAsync()
    {
        while (!_stop.IsCancellationRequested && await _jobs.Reader.WaitToReadAsync())
        {
            while (!_stop.IsCancellationRequested && _jobs.Reader.TryRead(out var job))
                await WriteAsync(job);
        }
    }

    private async Task WriteAsync(Job job)
    {
        var tenant = new KeyValuePair<string, object?>("tenant", job.Block.Tenant.Value);
        _metrics.FailedFlushes.Add(0, tenant);
        _metrics.FlushRetries.Add(0, tenant);
        _metrics.FlushFailedRetries.Add(0, tenant);
        var isRetry = false;
        for (var backoff = s_firstBackoff; !_stop.IsCancellationRequested; backoff = backoff * 2 < s_longestBackoff ? backoff * 2 : s_longestBackoff)
        {
            if (isRetry)
                _metrics.FlushRetries.Add(1, tenant);
            try
            {
                var started = _time.GetTimestamp();
                var meta = await _flusher.WriteAsync(job.Block, _stop.Token);

                // Listed first, then released, so that the traces are always in at least one place.
                _blocks.Add(meta);
                job.Partition.Flushed(job.Block, meta);
                _metrics.BlocksFlushed.Add(1, tenant);
                _metrics.FlushedBytes.Add(meta.SizeBytes, tenant);
                _metrics.FlushDuration.Record(_time.GetElapsedTime(started).TotalSeconds, tenant);
                _metrics.FlushSize.Record(meta.SizeBytes, tenant);
                Warn(job.Block.Completeness.Rootless, "rootless_trace_wal_to_complete", tenant);
                Warn(job.Block.Completeness.Disconnected, "disconnected_trace_wal_to_complete", tenant);
                _unwritten.TryRemove(job.Block.BlockId, out _);
                _metrics.FlushQueueLength.Record(_unwritten.Count);
                job.Written.SetResult();
                return;
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
            }
            catch (Exception e)
            {
                // Whatever the error was, the traces are still in memory, and giving up would lose them.
                _metrics.FailedFlushes.Add(1, tenant);
                _metrics.FlushFailedRetries.Add(isRetry ? 1 : 0, tenant);
                isRetry = true;
                LogFlushFailed(_logger, job.Block.BlockId, job.Block.Tenant, e.Message, backoff.TotalSeconds, e is IOException ? null : e);
            }

            await Task.Delay(backoff, _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }

        job.Written.SetCanceled();
    }

    private void Warn(int traces, string reason, KeyValuePair<string, object?> tenant)
    {
        if (traces > 0)
            _metrics.Warnings.Add(traces, tenant, new("reason", reason));
    }

    [LoggerMessage(1401, LogLevel.Error, "Block {Block} of tenant {Tenant} could not be written; its traces are kept, and the next attempt is in {Seconds} s: {Reason}")]
    private static partial void LogFlushFailed(ILogger logger, Guid block, TenantId tenant, string reason, double seconds, Exception? exception);

    private readonly record struct Job(IngesterPartition Partition, CutBlock Block, TaskCompletionSource Written);
}
