using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Distributor;

/// <summary>
/// Admits requests. It reads each once, refuses what is malformed or exceeds the tenant's rate, drops spans without valid IDs, truncates overlong
/// attributes, and hands on the rest. Stateless except for the active tenants' rate limiters; safe to call from any thread.
/// <code>
///   bytes ─► read ─► tenant limit ─► rate limit ─► truncate ─► validate IDs ─► ingesters, until they have it ─► metrics-generator's queue (best effort)
/// </code>
/// The answer waits for the ingesters, and for any delay that the generator's queue asks for. The generator never sees spans that the ingesters
/// refused.
/// </summary>
public sealed class Distributor(
    Func<TenantId, IngestionLimits> limitsOf,
    ActiveTenants tenants,
    IIngesters ingesters,
    IGeneratorQueue generators,
    RequestMemory memory,
    TempoMetrics metrics,
    TimeProvider time)
{
    // The name of Tempo's ingester push, whichever way spans reach it here.
    private const string IngesterRoute = "/tempopb.Pusher/PushBytesV2";

    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(1);

    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _stopping;
    private long _pushes;

    /// <summary>
    /// From now on, every push is refused as <see cref="PushStatus.Unavailable"/>. Completes once those that had begun are over, so that nothing is
    /// offered to a generator any more.
    /// </summary>
    /// <param name="deadline">Ends the wait, without an exception.</param>
    public async Task StopAsync(CancellationToken deadline)
    {
        _stopping = true;
        Interlocked.Increment(ref _pushes);
        EndPush();
        await _stopped.Task.WaitAsync(deadline).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Handles one request, and takes ownership of <paramref name="request"/>.</summary>
    public ValueTask<PushResult> PushAsync(TenantId tenant, RequestBuffer request)
    {
        var isAwaited = false;
        Interlocked.Increment(ref _pushes);
        try
        {
            return PushAsync(tenant, request, ref isAwaited);
        }
        finally
        {
            if (!isAwaited)
                EndPush();
        }
    }

    private void EndPush()
    {
        if (Interlocked.Decrement(ref _pushes) == 0 && _stopping)
            _stopped.TrySetResult();
    }

    private ValueTask<PushResult> PushAsync(TenantId tenant, RequestBuffer request, ref bool isAwaited)
    {
        var received = time.GetTimestamp();
        if (_stopping)
        {
            request.Return();
            return Answered(new PushResult { Status = PushStatus.Unavailable, Message = "shutting down", RetryAfter = s_soon }, received);
        }

        var limits = limitsOf(tenant);
        var tenantTag = new KeyValuePair<string, object?>("tenant", tenant.Value);
        var receivedBytes = request.Length;
        SpanBatch? batch;
        try
        {
            if (!SpanBatch.TryRead(request, limits.MaxAttributeBytes, out batch, out var error))
                return Answered(new PushResult { Status = PushStatus.Malformed, Message = error.ToString() }, received);
        }
        catch (RequestMemoryException full) when (!full.CanFit)
        {
            memory.RefusedLarge();
            Discard(tenantTag, "request_too_large", full.SpansRead);
            return Answered(new PushResult { Status = PushStatus.TooLarge, Message = full.Message }, received);
        }

        try
        {
            if (tenants.Admit(tenant) is not { } limiter)
                return Answered(TooManyTenants(tenant, batch.Spans.Length, limits), received);

            metrics.BytesReceived.Add(tenant, receivedBytes);
            metrics.SpansReceived.Add(tenant, batch.Spans.Length);

            if (limits.RateLimitBytes > 0 && !limiter.TryTake(receivedBytes, limits, out var wait))
            {
                Discard(tenantTag, "rate_limited", batch.Spans.Length);
                return Answered(RateLimited(tenant, receivedBytes, limits, wait) with { Spans = batch.Spans.Length }, received);
            }

            if (batch.OversizedAttributes > 0)
                batch = Truncate(batch, limits.MaxAttributeBytes, tenantTag);

            var spans = batch.Spans.Length;
            var result = RejectInvalid(batch, tenantTag) with { Spans = spans };
            if (batch.Spans.Length == 0)
                return Answered(result, received);

            MeasureDistances(tenant, batch);
            var started = time.GetTimestamp();
            var ingest = ingesters.PushAsync(tenant, batch);
            if (!ingest.IsCompletedSuccessfully)
            {
                batch.Lease();
                isAwaited = true;
                return AwaitAsync(tenant, batch, result, ingest, received, started);
            }

            result = Ingested(tenant, batch, result, ingest.Result, started);
            var said = generators.SayAsync();
            var hold = generators.Hold(tenant);
            return hold > TimeSpan.Zero || !said.IsCompleted ? HoldAsync(result, said, hold, received) : Answered(result, received);
        }
        finally
        {
            batch.Release();
        }
    }

    private async ValueTask<PushResult> AwaitAsync(TenantId tenant, SpanBatch batch, PushResult result, ValueTask<IngestOutcome> ingest, long received, long started)
    {
        try
        {
            result = Ingested(tenant, batch, result, await ingest.ConfigureAwait(false), started);
        }
        finally
        {
            batch.Release();
            EndPush();
        }

        await generators.SayAsync().ConfigureAwait(false);
        if (generators.Hold(tenant) is var hold && hold > TimeSpan.Zero)
            await Task.Delay(hold, time).ConfigureAwait(false);
        Measure(received);
        return result;
    }

    private async ValueTask<PushResult> HoldAsync(PushResult result, Task said, TimeSpan hold, long received)
    {
        await said.ConfigureAwait(false);
        if (hold > TimeSpan.Zero)
            await Task.Delay(hold, time).ConfigureAwait(false);
        Measure(received);
        return result;
    }

    private ValueTask<PushResult> Answered(PushResult result, long received)
    {
        Measure(received);
        return ValueTask.FromResult(result);
    }

    private void Measure(long received) => metrics.PushDuration.Record(time.GetElapsedTime(received).TotalSeconds);

    // The ingesters have answered: the generator gets the spans they accepted.
    private PushResult Ingested(TenantId tenant, SpanBatch batch, PushResult result, IngestOutcome ingest, long started)
    {
        metrics.RecordCall(IngesterRoute, ingest.Unavailable is null, time.GetElapsedTime(started));
        if (ingest.Unavailable is { } reason)
            return new PushResult { Status = PushStatus.Unavailable, Message = reason, RetryAfter = s_soon, Spans = result.Spans };
        if (ingest.Refusals is { } refusals)
            result = Refuse(tenant, batch, result, refusals);
        if (batch.Spans.Length > 0)
            generators.Offer(tenant, batch);
        return result;
    }

    private PushResult Refuse(TenantId tenant, SpanBatch batch, PushResult result, Refusals refusals)
    {
        var tenantTag = new KeyValuePair<string, object?>("tenant", tenant.Value);
        Discard(tenantTag, "live_traces_exceeded", refusals.LiveTracesExceeded.Count);
        Discard(tenantTag, "trace_too_large", refusals.TracesTooLarge.Count);
        var refused = refusals.Spans.ToHashSet();
        batch.RemoveWhere((_, span) => !refused.Contains(span));

        var reasons = new List<string>();
        if (result.Message.Length > 0)
            reasons.Add(result.Message);
        if (refusals.LiveTracesExceeded.Count > 0)
            reasons.Add($"LIVE_TRACES_EXCEEDED: {refusals.LiveTracesExceeded.Count} spans of new traces refused: tenant {tenant} already has the maximum number of live traces (max_traces_per_user). Send fewer traces at a time, or raise the limit");
        if (refusals.TracesTooLarge.Count > 0)
            reasons.Add($"TRACE_TOO_LARGE: {refusals.TracesTooLarge.Count} spans refused: their traces have reached the maximum size for tenant {tenant} (max_bytes_per_trace). Send smaller traces, or raise the limit");
        return result with { RejectedSpans = result.RejectedSpans + refusals.Count, Message = string.Join("; ", reasons) };
    }

    private static PushResult RateLimited(TenantId tenant, long bytes, IngestionLimits limits, TimeSpan wait) => wait == TimeSpan.MaxValue
        ? new PushResult
        {
            Status = PushStatus.TooLarge,
            Message = $"RATE_LIMITED: the request has {bytes} bytes, more than tenant {tenant} may ever send at once (ingestion.burst_size_bytes is {limits.BurstSizeBytes}). "
                + $"Send smaller batches, or set ingestion.burst_size_bytes to at least {bytes}",
        }
        : new PushResult
        {
            Status = PushStatus.RateLimited,
            Message = $"RATE_LIMITED: ingestion rate limit (local: {limits.RateLimitBytes} bytes, burst: {limits.BurstSizeBytes} bytes) "
                + $"exceeded while adding {bytes} bytes for user {tenant}. Send less, or raise rate_limit_bytes",
            RetryAfter = RetryAfter(limits, wait),
        };

    // Counted without the tenant's name: otherwise a client that invents names would flood the metrics with them.
    private PushResult TooManyTenants(TenantId tenant, int spans, IngestionLimits limits)
    {
        Discard(new("tenant", ""), "too_many_tenants", spans);
        return new PushResult
        {
            Status = PushStatus.RateLimited,
            Message = $"TOO_MANY_TENANTS: tenant {tenant} is new, and {tenants.Count} other tenants have sent spans within the last hour (distributor.max_tenants is {tenants.Max}). "
                + "Raise the limit, or add the tenant to the overrides",
            RetryAfter = limits.RetryAfter > TimeSpan.Zero ? limits.RetryAfter : null,
            Spans = spans,
        };
    }

    private static TimeSpan? RetryAfter(IngestionLimits limits, TimeSpan wait) =>
        limits.RetryAfter <= TimeSpan.Zero ? null : wait > limits.RetryAfter ? wait : limits.RetryAfter;

    private SpanBatch Truncate(SpanBatch batch, int maxAttributeBytes, KeyValuePair<string, object?> tenantTag)
    {
        var shorter = OtlpTruncation.Truncate(batch, maxAttributeBytes, memory, out var cuts);
        for (var scope = 0; scope < cuts.Length; scope++)
        {
            if (cuts[scope] > 0)
                metrics.AttributesTruncated.Add(cuts[scope], tenantTag, new("scope", OtlpTruncation.Scopes[scope]));
        }

        if (!SpanBatch.TryRead(shorter, 0, out var truncated, out var error, isAdmitted: true))
            throw new InvalidOperationException($"A truncated request cannot be read back: {error}");
        batch.Release();
        return truncated;
    }

    private void MeasureDistances(TenantId tenant, SpanBatch batch)
    {
        Span<long> past = stackalloc long[metrics.SpansInPast.Buckets];
        Span<long> future = stackalloc long[metrics.SpansInFuture.Buckets];
        double pastSeconds = 0, futureSeconds = 0;
        var inFuture = false;
        var now = (ulong)(time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;
        foreach (ref readonly var span in batch.Spans)
        {
            if (span.EndTimeUnixNano <= now)
            {
                var seconds = (now - span.EndTimeUnixNano) / 1e9;
                past[metrics.SpansInPast.BucketOf(seconds)]++;
                pastSeconds += seconds;
            }
            else
            {
                var seconds = (span.EndTimeUnixNano - now) / 1e9;
                future[metrics.SpansInFuture.BucketOf(seconds)]++;
                futureSeconds += seconds;
                inFuture = true;
            }
        }

        metrics.SpansInPast.Add(tenant, past, pastSeconds);
        if (inFuture)
            metrics.SpansInFuture.Add(tenant, future, futureSeconds);
    }

    private PushResult RejectInvalid(SpanBatch batch, KeyValuePair<string, object?> tenantTag)
    {
        var bytes = batch.Bytes;
        var badTraceIds = 0;
        var badSpanIds = 0;
        foreach (ref readonly var span in batch.Spans)
        {
            if (!ValidIds.HasTraceId(bytes, span))
                badTraceIds++;
            else if (!ValidIds.HasSpanId(bytes, span))
                badSpanIds++;
        }

        if (badTraceIds + badSpanIds == 0)
            return PushResult.Accepted;

        ValidIds.RemoveInvalid(batch);
        Discard(tenantTag, "invalid_trace_id", badTraceIds);
        Discard(tenantTag, "invalid_span_id", badSpanIds);

        var reasons = new List<string>();
        if (badTraceIds > 0)
            reasons.Add($"{badTraceIds} with an invalid trace ID (16 bytes, not all zero)");
        if (badSpanIds > 0)
            reasons.Add($"{badSpanIds} with an invalid span ID (8 bytes, not all zero)");
        return new PushResult
        {
            Status = PushStatus.Accepted,
            RejectedSpans = badTraceIds + badSpanIds,
            Message = "spans rejected: " + string.Join(", ", reasons),
        };
    }

    private void Discard(KeyValuePair<string, object?> tenantTag, string reason, int spans)
    {
        if (spans > 0)
            metrics.DiscardedSpans.Add(spans, new("reason", reason), tenantTag);
    }
}
