using Microsoft.Extensions.Logging;
using OrleansTempo.Core.RemoteWrite.Messages;
using OrleansTempo.Core.RemoteWrite.Endpoint;
using OrleansTempo.Core.RemoteWrite.Queue;

namespace OrleansTempo.Core.RemoteWrite;

/// <summary>
/// One tenant's remote write: encodes a collection once for all endpoints that want it alike, and queues it for each.
/// <code>
/// using var batch = writer.BeginCollection(timestampMs);
/// registry.Collect(timestampMs, batch.Visitor);
/// writer.Complete(batch);                        // returns at once, sending has begun
/// …
/// var left = await writer.FlushAsync(deadline);  // shutdown
/// await writer.DisposeAsync();
/// </code>
/// Collections are begun and completed by one caller at a time; the rest is safe for concurrent use.
/// </summary>
public sealed class RemoteWriter : IAsyncDisposable
{
    private readonly TenantId _tenant;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly IWritePermit? _permit;
    private readonly IReadOnlyDictionary<RemoteWriteEndpoint, string> _folders;
    private readonly Route[] _routes;
    private volatile RemoteWriterSettings _settings;

    /// <param name="tenant">Whose series are written.</param>
    /// <param name="endpoints">Where to, shared by all tenants; none is fine, and costs nothing.</param>
    /// <param name="settings">The tenant's settings, see <see cref="Apply"/>.</param>
    /// <param name="metrics">The process's remote write counters.</param>
    /// <param name="time">The clock of backoff and ages.</param>
    /// <param name="logger">Told about outages, recoveries and what is lost.</param>
    /// <param name="permit">Nothing leaves while it is not held; null where there can be no other writer.</param>
    public RemoteWriter(
        TenantId tenant,
        IReadOnlyList<RemoteWriteEndpoint> endpoints,
        RemoteWriterSettings settings,
        RemoteWriteMetrics metrics,
        TimeProvider time,
        ILogger logger,
        IWritePermit? permit = null)
    {
        _tenant = tenant;
        _time = time;
        _logger = logger;
        _permit = permit;
        _folders = RemoteWriteStore.EndpointFolders(endpoints);
        _settings = settings;
        var headers = Headers(settings);
        _routes = [.. endpoints
            .GroupBy(static e => (e.Options.SendExemplars, e.Options.QueueConfig.MaxSamplesPerSend, e.Options.ProtobufMessage, e.Relabeler?.Key))
            .Select(group => new Route(
                new EncodingSettings
                {
                    SendExemplars = group.Key.SendExemplars,
                    MaxSamplesPerSend = group.Key.MaxSamplesPerSend,
                    Relabelling = group.First().Relabeler is { } relabeler ? new RelabelledSeries(relabeler) : null,
                },
                [.. group.Select(endpoint => new Target(endpoint, new RemoteWriteQueue(endpoint, headers, metrics, time, logger, permit)))]))];
        Queues = [.. _routes.SelectMany(static r => r.Targets).Select(static t => t.Queue)];
    }

    /// <summary>Whether there is anything to write to; a collection for nobody can be left out.</summary>
    public bool HasEndpoints => Queues.Count > 0;

    /// <summary>Whether anything waits to be sent.</summary>
    public bool IsPending => Queues.Any(static queue => queue.PendingSamples > 0);

    /// <summary>Samples that wait, summed over the endpoints; after the end, those that are kept in the store for the next owner.</summary>
    public long PendingSamples => Queues.Sum(static queue => queue.PendingSamples);

    /// <summary>
    /// Up to when has been collected for any of the endpoints, in Unix milliseconds, by owners before too as far as that was found by <see cref="ResumeAsync"/>;
    /// 0 where nothing was. A generator must stamp nothing before it.
    /// </summary>
    public long HighestTimestampMs => Queues.Select(static queue => queue.HighestTimestampMs).DefaultIfEmpty().Max();

    /// <summary>
    /// Up to when any of the endpoints has samples, or may still get some; 0 where all there were have been refused. Null where one has answered to nothing
    /// yet. Unix milliseconds.
    /// </summary>
    public long? TakenUpToMs
    {
        get
        {
            long taken = 0;
            foreach (var queue in Queues)
            {
                if (queue.TakenUpToMs is not { } some)
                    return null;
                taken = Math.Max(taken, some);
            }

            return taken;
        }
    }

    internal IReadOnlyList<RemoteWriteQueue> Queues { get; }

    /// <summary>Changes headers from the next attempt on and the rest from the next collection on; what is queued stays.</summary>
    public void Apply(RemoteWriterSettings settings)
    {
        _settings = settings;
        var headers = Headers(settings);
        foreach (var queue in Queues)
            queue.Headers = headers;
    }

    /// <summary>
    /// Takes up what owners before have left in the store, in front of what is here, and keeps there what has to wait from now on; until
    /// then all is in memory. Once, when the claim is taken, and before anything is sent: the permit is not to be held until this is through. Where it fails it
    /// can be called again.
    /// </summary>
    /// <returns>False where another owner has followed already, as far as the store says: what waits there is that one's.</returns>
    /// <exception cref="IOException">The store fails.</exception>
    public async Task<bool> ResumeAsync(RemoteWriteStore store, CancellationToken cancellationToken = default)
    {
        if (!HasEndpoints)
            return true;
        var resumed = await Task.WhenAll(_routes
            .SelectMany(static route => route.Targets)
            .Select(target => target.Queue.ResumeAsync(store.Open(_folders[target.Endpoint], _permit), cancellationToken))).ConfigureAwait(false);
        await store.SweepAsync([.. _folders.Values], _time.GetUtcNow(), _logger, cancellationToken).ConfigureAwait(false);
        return resumed.All(static isResumed => isResumed);
    }

    /// <param name="timestampMs">Unix time in milliseconds of the collection.</param>
    public RemoteWriteBatch BeginCollection(long timestampMs)
    {
        var traceIdLabelName = _settings.TraceIdLabelName;
        var encoders = new IWriteRequestEncoder[_routes.Length];
        for (var i = 0; i < encoders.Length; i++)
        {
            var encoding = _routes[i].Encoding with { TraceIdLabelName = traceIdLabelName };

            // Where one endpoint still takes 2.0, the others' queues write it again.
            encoders[i] = _routes[i].Targets.Any(static t => t.Endpoint.Protocol == RemoteWriteProtocol.V2)
                ? new WriteRequestV2Encoder(encoding, timestampMs)
                : new WriteRequestEncoder(encoding, timestampMs);
        }

        return new RemoteWriteBatch(timestampMs, encoders, _routes.Any(r => r.Targets.Any(WantsMetadata)) ? new MetadataRequest() : null);
    }

    /// <summary>Queues the collection for every endpoint and returns; sending begins at once where nothing older waits.</summary>
    /// <param name="batch">The collection.</param>
    /// <param name="collectedAtMs">Unix time in milliseconds that its series were stamped with, where that can be later than it was begun for.</param>
    public void Complete(RemoteWriteBatch batch, long collectedAtMs = 0)
    {
        for (var i = 0; i < _routes.Length; i++)
        {
            var encoder = batch.Encoders[i];
            var requests = encoder.Finish();
            foreach (var target in _routes[i].Targets)
            {
                target.Queue.CountDroppedSeries(encoder.DroppedSeries);
                target.Queue.Enqueue(batch.Metadata is { IsEmpty: false } metadata && WantsMetadata(target) ? [.. requests, .. Metadata(target, metadata, batch.TimestampMs)] : requests, collectedAtMs);
            }
        }

        batch.Dispose();
    }

    /// <summary>Waits until all queues are empty or <paramref name="deadline"/> has passed.</summary>
    /// <returns>The samples that still wait then, summed over the endpoints; 0 where all of it left.</returns>
    public async Task<long> FlushAsync(TimeSpan deadline)
    {
        using var timeout = new CancellationTokenSource(deadline, _time);
        var left = await Task.WhenAll(Queues.Select(queue => queue.FlushAsync(timeout.Token))).ConfigureAwait(false);
        return left.Sum();
    }

    /// <summary>One snapshot per endpoint, in the order of the configuration as far as they do not share an encoding.</summary>
    public IReadOnlyList<RemoteWriteStatus> Status() => [.. Queues.Select(static queue => queue.Status())];

    /// <summary>Stops sending at once; what still waits is in the store then for the next owner, or lost and counted.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var queue in Queues)
            await queue.DisposeAsync().ConfigureAwait(false);
    }

    private RemoteWriteHeaders Headers(RemoteWriterSettings settings) => new(_tenant, settings.AddOrgIdHeader, settings.Headers);

    // In 2.0 every series has its own.
    private bool WantsMetadata(Target target) => target.Endpoint is { Protocol: RemoteWriteProtocol.V1, Options.MetadataConfig: { Send: true } config }
        && (target.MetadataSent is not { } sent || _time.GetElapsedTime(sent) >= config.SendInterval);

    private IEnumerable<RemoteWriteRequest> Metadata(Target target, MetadataRequest metadata, long timestampMs)
    {
        target.MetadataSent = _time.GetTimestamp();
        return metadata.Encode(timestampMs, target.Endpoint.Options.MetadataConfig.MaxSamplesPerSend);
    }

    private sealed record Route(EncodingSettings Encoding, IReadOnlyList<Target> Targets);

    private sealed class Target(RemoteWriteEndpoint endpoint, RemoteWriteQueue queue)
    {
        public RemoteWriteEndpoint Endpoint { get; } = endpoint;

        public RemoteWriteQueue Queue { get; } = queue;

        public long? MetadataSent { get; set; }
    }
}
