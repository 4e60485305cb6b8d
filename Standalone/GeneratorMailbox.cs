using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using OrleansTempo.Core;
using OrleansTempo.Core.Continuity;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Generator;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.RemoteWrite;

namespace OrleansTempo.Standalone;

/// <summary>
/// One tenant's metrics-generator behind its mailbox: a channel with one reader, so that the generator is used by one
/// caller at a time and never locks.
/// <code>
///   receivers ─ batches ──┐ (bounded in bytes)
///   timer ───── collect ──┼─► channel ─► one reader ─► TenantGenerator ─► RemoteWriter (queues, sends on its own)
///   API ─────── visit ────┘
/// </code>
/// With <c>snapshot: every_collection</c> there is a way round between the last two: what a collection says is kept first, outside of the
/// generator's turns, and the next collection waits for that.
/// </summary>
internal sealed partial class GeneratorMailbox
{
    private const int LettersPerTurn = 16;

    private static readonly TimeSpan s_gathering = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan s_retry = TimeSpan.FromSeconds(1);

    private readonly TenantId _tenant;
    private readonly GeneratorQueue _queue;
    private readonly TempoMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly TenantGenerator _generator;
    private readonly RemoteWriter _writer;
    private readonly GeneratorStorageOptions _storage;
    private readonly GeneratorContinuity? _continuity;
    private readonly CancellationTokenSource _giveUp = new();
    private readonly Channel<Letter> _letters = Channel.CreateUnbounded<Letter>(new UnboundedChannelOptions { SingleReader = true });
    private readonly KeyValuePair<string, object?> _tenantTag;
    private readonly ITimer _timer;
    private readonly Task _reader;
    private volatile GeneratorSettings _settings;
    private volatile bool _stopping;
    private int _collecting;
    private readonly Task _taking = Task.CompletedTask;
    private Task _persisting = Task.CompletedTask;

    /// <param name="continuity">Of a tenant whose claim has been taken already, or is to be taken now; null where nothing is kept.</param>
    public GeneratorMailbox(
        TenantId tenant,
        GeneratorSettings settings,
        GeneratorStorageOptions storage,
        RemoteWriter writer,
        GeneratorContinuity? continuity,
        GeneratorQueueBudget budget,
        DedicatedThreads threads,
        TempoMetrics metrics,
        TimeProvider time,
        ILogger logger)
    {
        _tenant = tenant;
        _settings = settings;
        _storage = storage;
        _writer = writer;
        _continuity = continuity;
        _queue = new GeneratorQueue(budget, time);
        _metrics = metrics;
        _time = time;
        _logger = logger;
        _tenantTag = new("tenant", tenant.Value);
        _generator = new TenantGenerator(tenant, settings, metrics, time);
        _generator.StartAfter(writer.HighestTimestampMs);
        if (continuity is { IsTaken: true })
            continuity.Restore(_generator);
        else if (continuity is not null)
            _taking = Task.Run(() => TakeAsync(continuity));
        _timer = time.CreateTimer(static state => ((GeneratorMailbox)state!).PostCollect(), this, settings.Registry.CollectionInterval, settings.Registry.CollectionInterval);
        _reader = Task.Factory.StartNew(ReadAsync, CancellationToken.None, TaskCreationOptions.None, threads).Unwrap();
    }

    /// <summary>Of a mailbox that has only been opened, or from its own turn.</summary>
    public int ActiveSeries => _generator.ActiveSeries;

    /// <summary>How long the answer to a request of this tenant should be held, so that its generator keeps up.</summary>
    public TimeSpan Hold() => _queue.Hold();

    /// <summary>Takes a lease of the batch and queues it, or counts it as dropped where the queue is full.</summary>
    public void Offer(SpanBatch batch)
    {
        if (!_settings.AnyProcessor)
            return;
        _metrics.ForwarderPushes.Add(1, _tenantTag);
        var bytes = batch.MemoryBytes;
        if (!_queue.TryTake(bytes))
        {
            CountDropped(batch);
            return;
        }

        batch.Lease();
        if (_letters.Writer.TryWrite(new Letter { Batch = batch }))
            return;
        CountDropped(batch);
        _queue.Return(bytes);
        batch.Release();
    }

    /// <summary>Visits the current series on the generator's turn; false where no processor is enabled.</summary>
    public async ValueTask<bool> VisitAsync(ISeriesVisitor visitor, CancellationToken cancellationToken)
    {
        if (!_settings.AnyProcessor)
            return false;
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var work = () =>
        {
            try
            {
                _generator.Visit(visitor);
                done.SetResult();
            }
            catch (Exception e)
            {
                done.SetException(e);
            }
        };
        if (!_letters.Writer.TryWrite(new Letter { Work = work }))
            return false;
        await done.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <summary>Goes on with other settings, from the generator's next turn on.</summary>
    public void Apply(GeneratorSettings settings)
    {
        var former = _settings;
        if (former.Equals(settings))
            return;
        _settings = settings;
        _writer.Apply(new RemoteWriterSettings(settings, _storage));
        if (former.Registry.CollectionInterval != settings.Registry.CollectionInterval)
            _timer.Change(settings.Registry.CollectionInterval, settings.Registry.CollectionInterval);
        _letters.Writer.TryWrite(new Letter { Work = () => _generator.Apply(settings) });
    }

    /// <summary>Queues a collection; one that still waits for its turn when the next is due is that one.</summary>
    public void PostCollect()
    {
        if (Interlocked.Exchange(ref _collecting, 1) == 0 && !_letters.Writer.TryWrite(new Letter { Work = Collect }))
            _collecting = 0;
    }

    /// <summary>
    /// Takes nothing more, works off what is queued, collects a last time and sends it until <paramref name="deadline"/>.
    /// </summary>
    /// <returns>The samples that could not be sent in time: those that are lost, and those that are on disk.</returns>
    public async Task<(long Lost, long Kept)> StopAsync(TimeSpan deadline)
    {
        using var late = _time.CreateTimer(static state => ((CancellationTokenSource)state!).Cancel(), _giveUp, deadline, Timeout.InfiniteTimeSpan);
        _stopping = true;
        await _timer.DisposeAsync().ConfigureAwait(false);
        _letters.Writer.TryComplete();
        await _reader.ConfigureAwait(false);
        await _persisting.ConfigureAwait(false);

        // As every other turn: should it fail, what is queued is still sent, and the other tenants stop in order.
        Read(new Letter { Work = Collect });
        await _persisting.ConfigureAwait(false);

        // Not one after the other: the remote end may take all the time there is.
        var flushing = _writer.FlushAsync(deadline);
        await _taking.ConfigureAwait(false);
        if (_continuity is not null)
            await _continuity.StopAsync(_generator, _giveUp.Token).ConfigureAwait(false);
        var left = await flushing.ConfigureAwait(false);
        await _writer.DisposeAsync().ConfigureAwait(false);
        var kept = _writer.PendingSamples;
        return (Math.Max(0, left - kept), kept);
    }

    private void CountDropped(SpanBatch batch)
    {
        _metrics.ForwarderPushFailures.Add(1, _tenantTag);
        _metrics.ForwarderSpansDropped.Add(batch.Spans.Length, _tenantTag);
    }

    private void Collect()
    {
        if (_continuity is { IsEveryCollection: true })
        {
            CollectAndPersist(_continuity);
            return;
        }

        _collecting = 0;
        using var batch = _writer.BeginCollection(_time.GetUtcNow().ToUnixTimeMilliseconds());
        _writer.Complete(batch, _generator.Collect(batch.Visitor));
    }

    private void CollectAndPersist(GeneratorContinuity continuity)
    {
        var batch = _writer.BeginCollection(_time.GetUtcNow().ToUnixTimeMilliseconds());
        try
        {
            var collectionMs = _generator.Collect(batch.Visitor);
            var record = continuity.Record(_generator);
            _persisting = Task.Run(() => PersistAndSendAsync(continuity, record, collectionMs, batch));
        }
        catch
        {
            _collecting = 0;
            batch.Dispose();
            throw;
        }
    }

    private async Task PersistAndSendAsync(GeneratorContinuity continuity, ChainRecord record, long collectionMs, RemoteWriteBatch batch)
    {
        using (batch)
        {
            try
            {
                await continuity.PersistAsync(record, collectionMs, _giveUp.Token).ConfigureAwait(false);
                _writer.Complete(batch, collectionMs);
                await continuity.TidyAsync(_giveUp.Token).ConfigureAwait(false);
            }
            catch (Exception e)
            {
                // Those that follow say what it said, but for the first zeros of series that were new in it.
                TurnFailed(_logger, _tenant, e);
            }
            finally
            {
                _collecting = 0;
            }
        }
    }

    // Its claim may have been another's until now, whose last collection is not to be stamped again.
    private async Task TakeAsync(GeneratorContinuity continuity)
    {
        for (var isLogged = false; !_stopping; isLogged = true)
        {
            try
            {
                await continuity.TakeAsync(_giveUp.Token).ConfigureAwait(false);
                _letters.Writer.TryWrite(new Letter { Work = () => continuity.Restore(_generator) });
                return;
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (IOException e)
            {
                if (!isLogged)
                    NotTaken(_logger, _tenant, e.Message);
            }

            await Task.Delay(s_retry, _time, CancellationToken.None).ConfigureAwait(false);
        }
    }

    // On the generators' threads throughout. A busy tenant lets the others have their turn after some letters; and when all
    // are read, some more are let gather: to wake a thread for each small request costs more than to count its spans.
    private async Task ReadAsync()
    {
        var turn = 0;
        while (await _letters.Reader.WaitToReadAsync())
        {
            while (_letters.Reader.TryRead(out var letter))
            {
                Read(letter);
                if (++turn % LettersPerTurn == 0)
                    await Task.Yield();
            }

            if (!_stopping)
                await Task.Delay(s_gathering, _time);
        }
    }

    private void Read(Letter letter)
    {
        try
        {
            if (letter.Batch is not null)
                _generator.Push(letter.Batch);
            else
                letter.Work!();
        }
        catch (Exception e)
        {
            // One batch or one collection may fail; the tenant's metrics go on.
            TurnFailed(_logger, _tenant, e);
        }
        finally
        {
            if (letter.Batch is { } batch)
            {
                _queue.Return(batch.MemoryBytes);
                batch.Release();
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "metrics-generator of tenant {Tenant} failed at a batch or a collection; it goes on with the next")]
    private static partial void TurnFailed(ILogger logger, TenantId tenant, Exception exception);

    [LoggerMessage(Level = LogLevel.Warning, Message = "metrics-generator of tenant {Tenant}: the object store does not take that this process writes its series: {Reason}")]
    private static partial void NotTaken(ILogger logger, TenantId tenant, string reason);

    private readonly struct Letter
    {
        public SpanBatch? Batch { get; init; }

        public Action? Work { get; init; }
    }
}
