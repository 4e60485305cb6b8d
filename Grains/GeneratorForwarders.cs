using Microsoft.Extensions.Logging;
using OrleansTempo.Core;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Ingester.Log;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Grains;

/// <summary>The silo's queues for metrics-generator grains, one per tenant, opened when a batch arrives and closed after none has arrived for a while.</summary>
internal sealed partial class GeneratorForwarders : IGeneratorQueue
{
    private readonly RecentTable<TenantId, TenantForwarder> _forwarders;
    private readonly IGrainFactory _grains;
    private readonly MetricsGeneratorOptions _options;
    private readonly IOverrides _overrides;
    private readonly GeneratorQueueBudget _budget;
    private readonly QueuedSpans _queued;
    private readonly TempoMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private volatile bool _isDraining;

    /// <param name="grains">Creates references to grains.</param>
    /// <param name="options">The limits on what may wait.</param>
    /// <param name="overrides">Which tenants have a generator, and with how many shards.</param>
    /// <param name="queued">Says how many spans are queued.</param>
    /// <param name="metrics">The process's own metrics.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">The process's log.</param>
    public GeneratorForwarders(
        IGrainFactory grains, MetricsGeneratorOptions options, IOverrides overrides, QueuedSpans queued, TempoMetrics metrics, TimeProvider time, ILogger logger)
    {
        _queued = queued;
        _grains = grains;
        _options = options;
        _overrides = overrides;
        _budget = new GeneratorQueueBudget(options.QueueMaxBytes);
        _metrics = metrics;
        _time = time;
        _logger = logger;
        _forwarders = new(TimeSpan.FromMinutes(10), time) { MayForget = static f => f.IsEmpty, Forgotten = static f => f.DrainAsync(CancellationToken.None).Ignore() };
        overrides.Changed += ApplyOverrides;
    }

    /// <summary>The tenants that have an open queue.</summary>
    public IReadOnlyCollection<TenantId> Open => [.. _forwarders.All.Select(static f => f.Key)];

    /// <summary>Whether a tenant has an open queue.</summary>
    public bool IsOpen(TenantId tenant) => _forwarders.Peek(tenant) is not null;

    public void Offer(TenantId tenant, SpanBatch batch)
    {
        while (true)
        {
            var forwarder = Of(tenant);
            if (forwarder.TryOffer(batch))
                return;

            // It has just been closed, so it is no longer in the table, and a new one takes its place.
            if (!_isDraining)
                continue;
            forwarder.Drop(batch);
            return;
        }
    }

    public Task SayAsync() => _queued.SayAsync();

    public TimeSpan Hold(TenantId tenant) => _forwarders.Peek(tenant)?.Hold() ?? TimeSpan.Zero;

    /// <summary>
    /// The key parts of the grains that form a tenant's metrics-generator: one empty part for the whole tenant, or one per shard; none if the tenant
    /// has no generator.
    /// </summary>
    public IReadOnlyList<string> PartsOf(TenantId tenant)
    {
        var shards = ShardsOf(tenant);
        return [.. Enumerable.Range(0, shards).Select(i => TenantForwarder.PartOf(i, shards))];
    }

    /// <summary>Asks the generators of all tenants that have sent something to this silo for a collection outside their intervals; returns at once.</summary>
    public void Collect()
    {
        foreach (var tenant in Open)
        {
            foreach (var part in PartsOf(tenant))
                _grains.GetGrain<IMetricsGeneratorGrain>(GrainKeys.OfGenerator(tenant, part)).CollectAsync().Ignore();
        }
    }

    /// <summary>Waits until everything offered so far has been handed over; call it once no more batches arrive.</summary>
    /// <param name="deadline">When it is cancelled, what is left is dropped.</param>
    public async Task DrainAsync(CancellationToken deadline)
    {
        _overrides.Changed -= ApplyOverrides;
        _isDraining = true;
        await Task.WhenAll(_forwarders.All.Select(f => f.Value.DrainAsync(deadline))).ConfigureAwait(false);
        try
        {
            await _queued.EndAsync(isEmpty: !deadline.IsCancellationRequested).ConfigureAwait(false);
        }
        catch (IOException e)
        {
            LogNotEnded(_logger, e.Message);
        }
    }

    private TenantForwarder Of(TenantId tenant) =>
        _forwarders.GetOrAdd(tenant, static (t, self) => new TenantForwarder(t, self._grains, self.ShardsOf(t), self._budget, self._queued, self._metrics, self._time, self._logger), this);

    // 0 if the tenant has no generator.
    private int ShardsOf(TenantId tenant)
    {
        var settings = GeneratorSettings.Resolve(_options, _overrides.For(tenant));
        return settings.AnyProcessor ? Math.Max(1, settings.RingSize) : 0;
    }

    private void ApplyOverrides()
    {
        foreach (var (tenant, forwarder) in _forwarders.All)
            forwarder.Shards = ShardsOf(tenant);
    }

    [LoggerMessage(3011, LogLevel.Warning, "The queues for metrics-generators are empty, but the object store cannot be told; another silo will say that their spans may be missing from the metrics: {Reason}")]
    private static partial void LogNotEnded(ILogger logger, string reason);
}
