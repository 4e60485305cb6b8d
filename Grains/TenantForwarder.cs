using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Generator;
using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Ingester.Log;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Grains;

/// <summary>
/// Forwards one tenant's batches to its metrics-generator grain: a queue bounded in bytes, and one call in flight at a time, which takes what has
/// gathered in the meantime. While the grain moves, batches wait. Those that find no room, or whose call is given up, are counted as dropped.
/// <code>
///   batches ─► queue ─► one call, see <see cref="NumberedCalls"/> ─┬─► metrics-generator grain
///                                                    └─► with shards, each gets the spans of its trace IDs
/// </code>
/// </summary>
internal sealed partial class TenantForwarder
{
    // The most spans in one call: enough to keep calls few, and few enough to keep a grain's turn short.
    private const int MaxSpansPerCall = 20_000;

    // Once everything is handed over, wait for more to gather: a call for each small request would cost more than counting its spans.
    private static readonly TimeSpan s_gathering = TimeSpan.FromMilliseconds(5);

    private readonly Channel<Waiting> _batches = Channel.CreateUnbounded<Waiting>(new UnboundedChannelOptions { SingleReader = true });
    private readonly TenantId _tenant;
    private readonly IGrainFactory _grains;
    private readonly GeneratorQueueShare _queue;
    private readonly QueuedSpans _queued;
    private readonly TempoMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly KeyValuePair<string, object?> _tenantTag;
    private readonly CancellationTokenSource _draining = new();
    private readonly CancellationTokenSource _hurry = new();
    private readonly Dictionary<string, NumberedCalls> _calls = [];
    private readonly Task _reader;
    private TraceSplit? _split;
    private volatile int _shards;
    private int _waiting;

    public TenantForwarder(TenantId tenant, IGrainFactory grains, int shards, GeneratorQueueBudget budget, QueuedSpans queued, TempoMetrics metrics, TimeProvider time, ILogger logger)
    {
        _tenant = tenant;
        _grains = grains;
        _shards = shards;
        _queue = new GeneratorQueueShare(budget, time);
        _queued = queued;
        _metrics = metrics;
        _time = time;
        _logger = logger;
        _tenantTag = new("tenant", tenant.Value);
        _reader = Task.Run(ReadAsync);
    }

    /// <summary>The number of grains that form the tenant's metrics-generator; 0 for none.</summary>
    public int Shards { set => _shards = value; }

    public TimeSpan Hold() => _queue.Hold();

    /// <summary>A shard's part of the grain key.</summary>
    public static string PartOf(int shard, int shards) => shards == 1 ? "" : new GeneratorShard(shard, shards).ToString();

    /// <summary>Whether nothing is waiting or in flight.</summary>
    public bool IsEmpty => _queue.IsEmpty;

    /// <summary>Takes a lease of the batch and queues it, or counts it as dropped if the queue is full; false if this forwarder is closed.</summary>
    public bool TryOffer(SpanBatch batch)
    {
        if (_shards == 0)
            return true;
        var bytes = batch.MemoryBytes;
        if (!_queue.TryTake(bytes))
        {
            Drop(batch);
            return true;
        }

        batch.Lease();
        var spans = batch.Spans.Length;
        _queued.Add(spans);
        Interlocked.Increment(ref _waiting);
        if (_batches.Writer.TryWrite(new Waiting(batch, bytes)))
        {
            _metrics.ForwarderPushes.Add(_tenant, 1);
            return true;
        }

        Interlocked.Decrement(ref _waiting);
        _queued.Remove(spans);
        _queue.Return(bytes);
        batch.Release();
        return false;
    }

    /// <summary>Counts a batch as dropped.</summary>
    public void Drop(SpanBatch batch)
    {
        _metrics.ForwarderPushes.Add(_tenant, 1);
        CountDropped(1, batch.Spans.Length);
    }

    /// <summary>Accepts nothing more; completes once the queue is empty.</summary>
    /// <param name="deadline">When it is cancelled, what is left is dropped.</param>
    public async Task DrainAsync(CancellationToken deadline)
    {
        _batches.Writer.TryComplete();
        await _draining.CancelAsync().ConfigureAwait(false);
        using (deadline.Register(static hurry => ((CancellationTokenSource)hurry!).Cancel(), _hurry))
            await _reader.ConfigureAwait(false);
    }

    private async Task ReadAsync()
    {
        var batches = new List<Waiting>();
        while (await _batches.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            batches.Clear();
            var spans = 0;
            while (spans < MaxSpansPerCall && _batches.Reader.TryRead(out var waiting))
            {
                batches.Add(waiting);
                spans += waiting.Batch.Spans.Length;
            }

            ReportLength();
            try
            {
                await ForwardAsync(batches).ConfigureAwait(false);
            }
            catch (Exception e)
            {
                LogForwardingFailed(_logger, _tenant, e);
                CountDropped(batches.Count, batches.Sum(static b => b.Batch.Spans.Length));
                Release(batches, batches.Select(static b => b.Batch).ToHashSet());
            }

            ReportLength();
            if (spans < MaxSpansPerCall)
                await Task.Delay(s_gathering, _time, _draining.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ForwardAsync(List<Waiting> batches)
    {
        var shards = Math.Max(1, _shards);
        var parts = new List<SpanPart>?[shards];
        foreach (var (batch, _) in batches)
        {
            batch.Prepare();
            Split(batch, parts);
        }

        var calls = new List<(List<SpanPart> Parts, int Spans, Task<CallResult> Call)>(shards);
        for (var i = 0; i < shards; i++)
        {
            if (parts[i] is not { } some)
                continue;
            var spans = some.Sum(static p => p.Spans.Length);
            calls.Add((some, spans, CallsTo(PartOf(i, shards)).PushAsync(new SpanPayload(some), spans, _hurry.Token)));
        }

        _metrics.GrainCalls.Add(calls.Count, s_generatorGrain);
        var abandoned = new HashSet<SpanBatch>();
        foreach (var (some, spans, call) in calls)
        {
            var result = await call.ConfigureAwait(false);
            if (result.IsDropped)
                CountDropped(some.Count, spans);
            if (result.HasFailed)
                abandoned.UnionWith(some.Select(static p => p.Batch));
        }

        Release(batches, abandoned);
    }

    private NumberedCalls CallsTo(string part)
    {
        if (!_calls.TryGetValue(part, out var calls))
            _calls[part] = calls = new NumberedCalls(_grains.GetGrain<IMetricsGeneratorGrain>(GrainKeys.OfGenerator(_tenant, part)), _tenant, _metrics, _time, _logger);
        return calls;
    }

    // A failed call may still be on its way.
    private void Release(List<Waiting> batches, HashSet<SpanBatch> abandoned)
    {
        foreach (var (batch, bytes) in batches)
        {
            _queued.Remove(batch.Spans.Length);
            _queue.Return(bytes);
            Interlocked.Decrement(ref _waiting);
            if (abandoned.Contains(batch))
                batch.Abandon();
            else
                batch.Release();
        }
    }

    // In the batch's order, as generators expect.
    private void Split(SpanBatch batch, List<SpanPart>?[] parts)
    {
        if (parts.Length == 1)
        {
            (parts[0] ??= []).Add(SpanPart.Whole(batch));
            return;
        }

        _split ??= new TraceSplit();
        _split.Split(batch, parts.Length);
        for (var i = 0; i < parts.Length; i++)
        {
            var spans = _split.Spans(i).ToArray();
            if (spans.Length == 0)
                continue;
            Array.Sort(spans);
            (parts[i] ??= []).Add(new SpanPart(batch, spans));
        }
    }

    // The number of requests queued or in flight.
    private void ReportLength() => _metrics.QueueLength.Record(Volatile.Read(ref _waiting), _tenantTag, s_queueName);

    private void CountDropped(int batches, int spans)
    {
        _metrics.ForwarderPushFailures.Add(batches, _tenantTag);
        _metrics.ForwarderSpansDropped.Add(spans, _tenantTag);
    }

    private static readonly KeyValuePair<string, object?> s_queueName = new("name", "metrics-generator");
    private static readonly KeyValuePair<string, object?> s_generatorGrain = new("grain", "metrics-generator");

    [LoggerMessage(3002, LogLevel.Error, "Tenant {Tenant}: spans could not be handed to the metrics-generator")]
    private static partial void LogForwardingFailed(ILogger logger, TenantId tenant, Exception exception);

    // The room it took in the queue, to give back exactly that: the batch may hold more by then.
    private readonly record struct Waiting(SpanBatch Batch, long Bytes);
}
