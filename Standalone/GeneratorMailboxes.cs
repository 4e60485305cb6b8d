using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Generator;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Server.Ports;
using OrleansTempo.Server.RemoteWrite;

namespace OrleansTempo.Standalone;

/// <summary>The mailboxes of all tenants' metrics-generators; one is opened when a tenant's first batch comes.</summary>
internal sealed partial class GeneratorMailboxes : IGeneratorQueue, ITenantSeries, IRemoteWriteQueues, IDisposable
{
    private readonly ConcurrentDictionary<TenantId, Lazy<GeneratorMailbox>> _mailboxes = new();

    // What each has been given: overrides that have not changed are the same instance after every reading.
    private readonly ConcurrentDictionary<TenantId, TenantOverrides> _given = new();
    private readonly MetricsGeneratorOptions _options;
    private readonly IOverrides _overrides;
    private readonly IReadOnlyList<RemoteWriteEndpoint> _endpoints;
    private readonly RemoteWriteDisk? _disk;
    private readonly GeneratorQueueBudget _budget;
    private readonly DedicatedThreads _threads = new("metrics-generator", Environment.ProcessorCount);
    private readonly TempoMetrics _metrics;
    private readonly RemoteWriteMetrics _remoteWriteMetrics;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;

    /// <exception cref="ArgumentException">A remote write endpoint is not valid.</exception>
    /// <exception cref="IOException">Another process uses the directory of the remote write queue.</exception>
    public GeneratorMailboxes(MetricsGeneratorOptions options, IOverrides overrides, TempoMetrics metrics, TimeProvider time, ILogger logger)
    {
        _options = options;
        _overrides = overrides;
        _endpoints = RemoteWriteEndpoint.CreateAll(options.Storage, time, AzureAdCredential.Create);
        _disk = options.Storage.Path is { Length: > 0 } path && _endpoints.Count > 0 ? RemoteWriteDisk.Open(path, _endpoints, time, logger) : null;
        _budget = new GeneratorQueueBudget(options.QueueMaxBytes);
        _metrics = metrics;
        _remoteWriteMetrics = new RemoteWriteMetrics(metrics);
        _time = time;
        _logger = logger;
        overrides.Changed += ApplyOverrides;
    }

    /// <summary>The remote write endpoints, without user and password.</summary>
    public IReadOnlyList<string> RemoteUrls => [.. _endpoints.Select(e => e.Url)];

    /// <summary>Begins to send what the last process has left on disk, also of tenants of whom nothing comes any more.</summary>
    public void OpenWaiting()
    {
        foreach (var tenant in _disk?.Waiting ?? [])
            Mailbox(tenant);
    }

    /// <summary>How long the answer to a tenant's request should be held, so that its generator keeps up.</summary>
    public TimeSpan Hold(TenantId tenant) => _mailboxes.TryGetValue(tenant, out var mailbox) ? mailbox.Value.Hold() : TimeSpan.Zero;

    public void Offer(TenantId tenant, SpanBatch batch) => Mailbox(tenant).Offer(batch);

    public ValueTask<bool> VisitAsync(TenantId tenant, ISeriesVisitor visitor, CancellationToken cancellationToken) =>
        _mailboxes.TryGetValue(tenant, out var mailbox)
            ? mailbox.Value.VisitAsync(visitor, cancellationToken)
            // A tenant of whom nothing has come yet has no series, but a page for them.
            : ValueTask.FromResult(SettingsOf(tenant).AnyProcessor);

    public IReadOnlyList<RemoteWriteStatus> Status() => _remoteWriteMetrics.Status();

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
        _disk?.Dispose();
        _threads.Dispose();
    }

    private GeneratorMailbox Mailbox(TenantId tenant) =>
        (_mailboxes.TryGetValue(tenant, out var mailbox)
            ? mailbox
            : _mailboxes.GetOrAdd(tenant, t => new Lazy<GeneratorMailbox>(() => Open(t)))).Value;

    private GeneratorMailbox Open(TenantId tenant)
    {
        var overrides = _overrides.For(tenant);
        _given[tenant] = overrides;
        var settings = GeneratorSettings.Resolve(_options, overrides);
        var writer = new RemoteWriter(tenant, _endpoints, new RemoteWriterSettings(settings, _options.Storage), _remoteWriteMetrics, _time, _logger, disk: _disk);
        return new GeneratorMailbox(tenant, settings, _options.Storage, writer, _budget, _threads, _metrics, _time, _logger);
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

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Samples} samples were not sent within remote_write_flush_deadline ({Deadline}) and are lost")]
    private static partial void SamplesLeft(ILogger logger, long samples, TimeSpan deadline);
}
