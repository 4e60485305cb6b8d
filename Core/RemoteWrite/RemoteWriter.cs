using Microsoft.Extensions.Logging;
using OrleansTempo.Core.RemoteWrite.Endpoint;
using OrleansTempo.Core.RemoteWrite.Messages;
using OrleansTempo.Core.RemoteWrite.Queue;

namespace OrleansTempo.Core.RemoteWrite;

/// <summary>
/// One tenant's remote write: encodes a collection once for all endpoints with equal encoding settings, and queues it for each.
/// <code>
/// using var batch = writer.BeginCollection(timestampMs);
/// registry.Collect(timestampMs, batch.Visitor);
/// writer.Complete(batch);                        // returns at once, sending has started
/// …
/// var left = await writer.FlushAsync(deadline);  // shutdown
/// await writer.DisposeAsync();
/// </code>
/// One caller at a time may begin and complete collections; the rest is safe for concurrent use.
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

    /// <param name="tenant">The tenant whose series are written.</param>
    /// <param name="endpoints">The endpoints, shared by all tenants; an empty list is allowed, and costs nothing.</param>
    /// <param name="settings">The tenant's settings, see <see cref="Apply"/>.</param>
    /// <param name="metrics">The process's remote write counters.</param>
    /// <param name="time">The clock for backoff and ages.</param>
    /// <param name="logger">Receives outages, recoveries and losses.</param>
    /// <param name="permit">Nothing is sent while it is not held; null if there can be no other writer.</param>
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

    /// <summary>Whether there are endpoints; without any, a collection can be skipped.</summary>
    public bool HasEndpoints => Queues.Count > 0;

    /// <summary>Whether anything waits to be sent.</summary>
    public bool IsPending => Queues.Any(static queue => queue.PendingSamples > 0);

    /// <summary>The number of waiting samples, summed over the endpoints; after disposal, those kept in the store for the next owner.</summary>
    public long PendingSamples => Queues.Sum(static queue => queue.PendingSamples);

    /// <summary>Whether everything queued so far has been sent or is in the store, so that a crash does not lose it.</summary>
    public bool IsSafe => Queues.All(static queue => queue.IsSafe);

    /// <summary>
    /// The timestamp of the newest collection for any of the endpoints, in Unix milliseconds, including those of previous owners that
    /// <see cref="ResumeAsync"/> found; 0 for none. A generator must not use an earlier timestamp.
    /// </summary>
    public long HighestTimestampMs => Queues.Select(static queue => queue.HighestTimestampMs).DefaultIfEmpty().Max();

    /// <summary>
    /// The time up to which any of the endpoints has samples, or may still get some; 0 if all were refused. Null if one has not answered
    /// anything yet. Unix milliseconds.
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

    /// <summary>Applies settings: headers from the next attempt on, the rest from the next collection on. Queued collections stay as they are.</summary>
    public void Apply(RemoteWriterSettings settings)
    {
        _settings = settings;
        var headers = Headers(settings);
        foreach (var queue in Queues)
            queue.Headers = headers;
    }

    /// <summary>
    /// Resumes the queues: puts what previous owners left in the store in front of what is here, and from now on stores what has to wait;
    /// until then everything is in memory. Called once, after the claim is taken and before anything is sent: the permit must not be held
    /// until this has completed. Can be called again after a failure.
    /// </summary>
    /// <returns>False if, according to the store, another owner has already taken over; what waits there belongs to it.</returns>
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

            // As long as one endpoint accepts 2.0, the queues of the others convert it.
            encoders[i] = _routes[i].Targets.Any(static t => t.Endpoint.Protocol == RemoteWriteProtocol.V2)
                ? new WriteRequestV2Encoder(encoding, timestampMs)
                : new WriteRequestEncoder(encoding, timestampMs);
        }

        return new RemoteWriteBatch(timestampMs, encoders, _routes.Any(r => r.Targets.Any(WantsMetadata)) ? new MetadataRequest() : null);
    }

    /// <summary>Queues the collection for every endpoint and returns; sending starts at once unless something older waits.</summary>
    /// <param name="batch">The collection.</param>
    /// <param name="collectedAtMs">The timestamp of its series in Unix milliseconds, if it may be later than the one the collection was begun with.</param>
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
    /// <returns>The number of samples still waiting, summed over the endpoints; 0 if everything was sent.</returns>
    public async Task<long> FlushAsync(TimeSpan deadline)
    {
        using var timeout = new CancellationTokenSource(deadline, _time);
        var left = await Task.WhenAll(Queues.Select(queue => queue.FlushAsync(timeout.Token))).ConfigureAwait(false);
        return left.Sum();
    }

    /// <summary>The status of each endpoint's queue; endpoints that share an encoding are grouped, otherwise in the order of the configuration.</summary>
    public IReadOnlyList<RemoteWriteStatus> Status() => [.. Queues.Select(static queue => queue.Status())];

    /// <summary>Stops sending at once; waiting samples are then in the store for the next owner, or counted as lost.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var queue in Queues)
            await queue.DisposeAsync().ConfigureAwait(false);
    }

    private RemoteWriteHeaders Headers(RemoteWriterSettings settings) => new(_tenant, settings.AddOrgIdHeader, settings.Headers);

    // In 2.0, every series carries its own metadata.
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
