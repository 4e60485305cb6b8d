using System.Diagnostics;
using Google.Protobuf;
using OpenTelemetry.Resources;
using Orleans.Runtime;
using Orleans.Runtime.Messaging;
using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Client;

/// <summary>
/// The client over the two grains that every silo has.
/// <code>
///   activities ─► encode ─┐
///   bytes ──────► copy ───┴► wait for a slot ─► distributor ─► result
///                                ▲                  │ unavailable, rate limited
///                                └── RetrySchedule ◄┘
/// </code>
/// </summary>
/// <param name="distributor">Makes a reference to the distributor; an <see cref="ArgumentException"/> if the client knows no silo that has one.</param>
/// <param name="querier">Makes a reference to the querier, likewise.</param>
internal sealed class TempoClient(
    Func<IDistributorGrain> distributor,
    Func<IQuerierGrain> querier,
    TempoClientOptions options,
    ActivityLimits limits,
    TimeProvider time,
    Random random) : ITempoClient, IDisposable
{
    private const string RequestName = "opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest";

    private readonly SemaphoreSlim _slots = new(options.MaxConcurrentRequests);
    private readonly ActivityEncoder _encoder = new(limits);

    public Task<IngestResult> IngestAsync(ReadOnlyMemory<byte> request, string? tenant = null, CancellationToken cancellationToken = default)
    {
        var to = Tenant(tenant);
        CheckSize(request.Length);
        // A call that was given up may still wait to be written to a connection, and the caller has its bytes back by then.
        return PushAsync(to, request.ToArray(), cancellationToken);
    }

    public Task<IngestResult> IngestAsync(IMessage request, string? tenant = null, CancellationToken cancellationToken = default)
    {
        var to = Tenant(tenant);
        if (request.Descriptor.FullName != RequestName)
            throw new ArgumentException($"The message is a {request.Descriptor.FullName}; only a {RequestName} can be sent.", nameof(request));
        CheckSize(request.CalculateSize());
        return PushAsync(to, request.ToByteArray(), cancellationToken);
    }

    public async Task<IngestResult> IngestAsync(IEnumerable<Activity> activities, Resource? resource = null, string? tenant = null, CancellationToken cancellationToken = default)
    {
        var to = Tenant(tenant);
        var result = IngestResult.Accepted;
        var left = new Stack<ReadOnlyMemory<Activity>>([activities.ToArray()]);
        while (left.TryPop(out var some))
        {
            if (some.IsEmpty)
                continue;
            var request = _encoder.Encode(some.Span, resource ?? Resource.Empty);
            if (request.Length <= options.MaxRequestBytes)
            {
                result = result.And(await PushAsync(to, request, cancellationToken).ConfigureAwait(false));
            }
            else if (some.Length == 1)
            {
                result = result.And(new IngestResult(1, $"span {some.Span[0].SpanId} takes {request.Length} bytes, more than {nameof(options.MaxRequestBytes)} ({options.MaxRequestBytes})"));
            }
            else
            {
                left.Push(some[(some.Length / 2)..]);
                left.Push(some[..(some.Length / 2)]);
            }
        }

        return result;
    }

    public Task<TempoTrace?> GetTraceAsync(ActivityTraceId traceId, string? tenant = null, CancellationToken cancellationToken = default)
    {
        var bytes = new byte[TraceId.Length];
        traceId.CopyTo(bytes);
        return FindAsync(Tenant(tenant), bytes, cancellationToken);
    }

    public Task<TempoTrace?> GetTraceAsync(string traceId, string? tenant = null, CancellationToken cancellationToken = default)
    {
        if (!TraceId.TryParse(traceId, out var id))
            throw new ArgumentException($"'{traceId}' is not a trace ID: it must be 1 to 32 hexadecimal digits.", nameof(traceId));
        var bytes = new byte[TraceId.Length];
        id.Write(bytes);
        return FindAsync(Tenant(tenant), bytes, cancellationToken);
    }

    public void Dispose() => _slots.Dispose();

    private string Tenant(string? tenant) => TenantId.TryParse(tenant ?? options.Tenant, out var id, out var error)
        ? id.Value
        : throw new ArgumentException(error, nameof(tenant));

    private void CheckSize(int bytes)
    {
        if (bytes > options.MaxRequestBytes)
            throw new ArgumentException($"The request has {bytes} bytes, more than {nameof(options.MaxRequestBytes)} ({options.MaxRequestBytes}).", "request");
    }

    /// <param name="request">Never written to again.</param>
    private async Task<IngestResult> PushAsync(string tenant, byte[] request, CancellationToken cancellationToken)
    {
        await _slots.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await RetryAsync(
                async () =>
                {
                    var answers = await Reference(distributor).PushAsync(tenant, new OtlpRequests([request])).WaitAsync(cancellationToken).ConfigureAwait(false);
                    return ResultOf(answers[0]);
                },
                cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _slots.Release();
        }
    }

    private Task<TempoTrace?> FindAsync(string tenant, byte[] traceId, CancellationToken cancellationToken) => RetryAsync(
        async () =>
        {
            var found = await Reference(querier).FindTraceAsync(tenant, traceId).WaitAsync(cancellationToken).ConfigureAwait(false);
            return found is { Trace: null, Problems: [] } ? null : new TempoTrace(found.Trace, found.Problems);
        },
        cancellationToken);

    private async Task<T> RetryAsync<T>(Func<Task<T>> call, CancellationToken cancellationToken)
    {
        var schedule = new RetrySchedule(options, time, random);
        while (true)
        {
            TimeSpan wait = default;
            try
            {
                return await AttemptAsync(call).ConfigureAwait(false);
            }
            catch (TempoException e) when (schedule.TryNext(e, out wait))
            {
            }

            await Task.Delay(wait, time, cancellationToken).ConfigureAwait(false);
        }
    }

    private static async Task<T> AttemptAsync<T>(Func<Task<T>> call)
    {
        try
        {
            return await call().ConfigureAwait(false);
        }
        catch (Exception e) when (e is TimeoutException or OrleansMessageRejectionException or ConnectionFailedException
            or GatewayTooBusyException or ClientNotAvailableException or LimitExceededException)
        {
            throw new TempoUnavailableException($"The cluster did not answer: {e.Message}", cause: e);
        }
    }

    private static T Reference<T>(Func<T> grain)
    {
        try
        {
            return grain();
        }
        catch (ArgumentException e)
        {
            // The client learns from the silos which grains there are.
            throw new TempoUnavailableException("The Orleans client is not connected yet, or it is connected to a cluster without OrleansTempo's grains.", cause: e);
        }
    }

    private static IngestResult ResultOf(PushAnswer answer) => answer.Status switch
    {
        PushStatus.Accepted when answer is { RejectedSpans: 0, Message: "" } => IngestResult.Accepted,
        PushStatus.Accepted => new IngestResult(answer.RejectedSpans, answer.Message),
        PushStatus.Malformed => throw new TempoMalformedException(answer.Message),
        PushStatus.TooLarge => throw new TempoTooLargeException(answer.Message),
        PushStatus.RateLimited => throw new TempoRateLimitedException(answer.Message, answer.RetryAfter),
        _ => throw new TempoUnavailableException(answer.Message, answer.RetryAfter),
    };
}
