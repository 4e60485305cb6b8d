using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Generator;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Core.Storage;
using OrleansTempo.Server.Ports;
using OrleansTempo.Server.RemoteWrite;

namespace OrleansTempo.Standalone;

/// <summary>The mailboxes of all tenants' metrics-generators; one is opened when a tenant's first batch comes.</summary>
internal sealed partial class GeneratorMailboxes : IGeneratorQueue, ITenantSeries, IRemoteWriteQueues, IDisposable
{
    private const int TenantsAtOnce = 16;

    private readonly ConcurrentDictionary<TenantId, Lazy<GeneratorMailbox>> _mailboxes = new();

    // What each has been given: overrides that have not changed are the same instance after every reading.
    private readonly ConcurrentDictionary<TenantId, TenantOverrides> _given = new();
    private readonly MetricsGeneratorOptions _options;
    private readonly IOverrides _overrides;
    private readonly IObjectStore _store;
    private readonly IReadOnlyList<RemoteWriteEndpoint> _endpoints;
    private readonly GeneratorQueueBudget _budget;
    private readonly DedicatedThreads _threads = new("metrics-generator", Environment.ProcessorCount);
    private readonly TempoMetrics _metrics;
    private readonly RemoteWriteMetrics _remoteWriteMetrics;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;

    /// <exception cref="ArgumentException">A remote write endpoint is not valid.</exception>
    public GeneratorMailboxes(MetricsGeneratorOptions options, IOverrides overrides, IObjectStore store, TempoMetrics metrics, TimeProvider time, ILogger logger)
    {
        _options = options;
        _overrides = overrides;
        _store = store;
        _endpoints = RemoteWriteEndpoint.CreateAll(options.Storage, time, AzureAdCredential.Create);
        _budget = new GeneratorQueueBudget(options.QueueMaxBytes);
        _metrics = metrics;
        _remoteWriteMetrics = new RemoteWriteMetrics(metrics);
        _time = time;
        _logger = logger;
        overrides.Changed += ApplyOverrides;
    }

    /// <summary>The remote write endpoints, without user and password.</summary>
    public IReadOnlyList<string> RemoteUrls => [.. _endpoints.Select(e => e.Url)];

    /// <summary>How long the answer to a tenant's request should be held, so that its generator keeps up.</summary>
    public TimeSpan Hold(TenantId tenant) => _mailboxes.TryGetValue(tenant, out var mailbox) ? mailbox.Value.Hold() : TimeSpan.Zero;

    public void Offer(TenantId tenant, SpanBatch batch) => Mailbox(tenant).Offer(batch);

    public ValueTask<bool> VisitAsync(TenantId tenant, ISeriesVisitor visitor, CancellationToken cancellationToken) =>
        _mailboxes.TryGetValue(tenant, out var mailbox)
            ? mailbox.Value.VisitAsync(visitor, cancellationToken)
            // A tenant of whom nothing has come yet has no series, but a page for them.
            : ValueTask.FromResult(SettingsOf(tenant).AnyProcessor);

    public IReadOnlyList<RemoteWriteStatus> Status() => _remoteWriteMetrics.Status();

    /// <summary>
    /// Goes on with what the process before has left: the tenants that had series have a mailbox again, before any batch comes,
    /// so that they are collected, and end when they go stale. With <c>snapshot: off</c> it is deleted.
    /// </summary>
    /// <exception cref="IOException">The store fails.</exception>
    /// <exception cref="InvalidOperationException">One of them has a mailbox already: this comes before all that opens one.</exception>
    public async Task RestoreAsync()
    {
        var tenants = await GeneratorContinuity.TenantsAsync(_store).ConfigureAwait(false);
        long series = 0;
        await Parallel.ForEachAsync(tenants, new ParallelOptions { MaxDegreeOfParallelism = TenantsAtOnce }, async (tenant, cancellation) =>
        {
            var continuity = new GeneratorContinuity(_store, tenant, _options.Snapshot, _metrics, _time, _logger);
            if (_options.Snapshot == SnapshotMode.Off)
            {
                await continuity.TakeAsync(cancellation).ConfigureAwait(false);
                await continuity.ForgetAsync(cancellation).ConfigureAwait(false);
                return;
            }

            try
            {
                await continuity.TakeAsync(cancellation).ConfigureAwait(false);
            }
            catch (IOException)
            {
                // Its mailbox tries on, and says so; until then nothing of it is sent. A full disk must not keep the traces from being found.
            }

            var mailbox = Open(tenant, continuity, permit: continuity.IsTaken ? null : continuity);
            Interlocked.Add(ref series, mailbox.ActiveSeries);
            if (!_mailboxes.TryAdd(tenant, new Lazy<GeneratorMailbox>(mailbox)))
                throw new InvalidOperationException($"Tenant {tenant} has a mailbox already.");

            // With every_collection what is kept is of the process before, and would be of no use to another.
            if (_options.Snapshot == SnapshotMode.EveryCollection)
                mailbox.PostCollect();
        }).ConfigureAwait(false);
        if (series > 0)
            GoesOn(_logger, series, tenants.Count);
    }

    /// <summary>Asks every tenant's generator for a collection besides those of its interval; returns at once.</summary>
    public void Collect()
    {
        foreach (var mailbox in _mailboxes.Values)
            mailbox.Value.PostCollect();
    }

    /// <summary>Stops every tenant's generator, with a last collection sent within <c>remote_write_flush_deadline</c>.</summary>
    public async Task StopAsync()
    {
        _overrides.Changed -= ApplyOverrides;
        var stops = _mailboxes.Values.Select(m => m.Value.StopAsync(_options.Storage.RemoteWriteFlushDeadline));
        var left = await Task.WhenAll(stops).ConfigureAwait(false);
        if (left.Sum(static l => l.Kept) is > 0 and var kept)
            SamplesKept(_logger, kept, _options.Storage.RemoteWriteFlushDeadline);
        if (left.Sum(static l => l.Lost) is > 0 and var lost)
            SamplesLeft(_logger, lost, _options.Storage.RemoteWriteFlushDeadline);
    }

    public void Dispose()
    {
        foreach (var endpoint in _endpoints)
            endpoint.Dispose();
        _threads.Dispose();
    }

    private GeneratorMailbox Mailbox(TenantId tenant) =>
        (_mailboxes.TryGetValue(tenant, out var mailbox)
            ? mailbox
            : _mailboxes.GetOrAdd(tenant, t => new Lazy<GeneratorMailbox>(() => Open(t, Continuity(t))))).Value;

    private GeneratorContinuity? Continuity(TenantId tenant) =>
        _options.Snapshot == SnapshotMode.Off ? null : new GeneratorContinuity(_store, tenant, _options.Snapshot, _metrics, _time, _logger);

    private GeneratorMailbox Open(TenantId tenant, GeneratorContinuity? continuity, IWritePermit? permit = null)
    {
        var overrides = _overrides.For(tenant);
        _given[tenant] = overrides;
        var settings = GeneratorSettings.Resolve(_options, overrides);
        var writer = new RemoteWriter(tenant, _endpoints, new RemoteWriterSettings(settings, _options.Storage), _remoteWriteMetrics, _time, _logger, permit);
        return new GeneratorMailbox(tenant, settings, _options.Storage, writer, continuity, _budget, _threads, _metrics, _time, _logger);
    }

    private GeneratorSettings SettingsOf(TenantId tenant) => GeneratorSettings.Resolve(_options, _overrides.For(tenant));

    private void ApplyOverrides()
    {
        foreach (var (tenant, mailbox) in _mailboxes)
        {
            var overrides = _overrides.For(tenant);
            if (_given.TryGetValue(tenant, out var former) && ReferenceEquals(former, overrides))
                continue;
            mailbox.Value.Apply(GeneratorSettings.Resolve(_options, overrides));
            _given[tenant] = overrides;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Samples} samples were not sent within remote_write_flush_deadline ({Deadline}); they are on disk, and the next start sends them")]
    private static partial void SamplesKept(ILogger logger, long samples, TimeSpan deadline);

    [LoggerMessage(Level = LogLevel.Information, Message = "metrics-generator goes on with {Series} series of the process before, of {Tenants} tenants")]
    private static partial void GoesOn(ILogger logger, long series, int tenants);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Samples} samples were not sent within remote_write_flush_deadline ({Deadline}) and are lost")]
    private static partial void SamplesLeft(ILogger logger, long samples, TimeSpan deadline);
}
