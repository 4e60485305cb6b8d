using System.Diagnostics;
using Google.Protobuf;
using OpenTelemetry.Resources;

namespace OrleansTempo.Client;

/// <summary>
/// Sends spans to a cluster of OrleansTempo silos and reads traces from it, through the application's Orleans client. Safe to
/// call from any thread. <see cref="TempoClientServices.AddOrleansTempoClient"/> registers it.
/// <para>
/// Spans that the cluster has acknowledged are in a write-ahead log. A request that the cluster cannot take is retried for as long as
/// <see cref="TempoClientOptions"/> allow; then an exception says why. A request whose answer is lost is sent twice: its
/// traces do not change, since spans are a set, but metrics made from its spans may count them twice.
/// </para>
/// </summary>
public interface ITempoClient
{
    /// <summary>Sends an OTLP <c>ExportTraceServiceRequest</c> in protobuf. The bytes are copied.</summary>
    /// <param name="request">At most <see cref="TempoClientOptions.MaxRequestBytes"/> bytes.</param>
    /// <param name="tenant">The ID of the tenant that the spans belong to; null for <see cref="TempoClientOptions.Tenant"/>.</param>
    /// <param name="cancellationToken">Ends the wait; the spans may be stored by then.</param>
    /// <returns>How many spans were rejected, and why; the others are stored.</returns>
    /// <exception cref="TempoUnavailableException">The cluster could not take the request, however often it was retried.</exception>
    /// <exception cref="TempoRateLimitedException">The tenant sends more than its rate limit allows.</exception>
    /// <exception cref="TempoTooLargeException">The request is larger than the tenant may ever send at once.</exception>
    /// <exception cref="TempoMalformedException">The bytes are not an OTLP request.</exception>
    /// <exception cref="ArgumentException">The request is larger than <see cref="TempoClientOptions.MaxRequestBytes"/>, or the tenant ID is not valid.</exception>
    Task<IngestResult> IngestAsync(ReadOnlyMemory<byte> request, string? tenant = null, CancellationToken cancellationToken = default);

    /// <summary>Sends an OTLP <c>ExportTraceServiceRequest</c>, whichever library's generated class it is.</summary>
    /// <inheritdoc cref="IngestAsync(ReadOnlyMemory{byte}, string?, CancellationToken)"/>
    /// <exception cref="ArgumentException">The message is of another type or too large, or the tenant ID is not valid.</exception>
    Task<IngestResult> IngestAsync(IMessage request, string? tenant = null, CancellationToken cancellationToken = default);

    /// <summary>Sends activities that have ended, in as many requests as it takes. If it throws, some of them may be stored.</summary>
    /// <param name="activities">Activities with W3C IDs. A span that is too large for a request counts as rejected.</param>
    /// <param name="resource">What the activities describe, such as <c>service.name</c>; null for an empty resource.</param>
    /// <param name="tenant">The ID of the tenant that the spans belong to; null for <see cref="TempoClientOptions.Tenant"/>.</param>
    /// <param name="cancellationToken">Ends the wait; spans may be stored by then.</param>
    /// <returns>How many spans were rejected, and why; the others are stored.</returns>
    /// <exception cref="TempoUnavailableException">The cluster could not take a request, however often it was retried.</exception>
    /// <exception cref="TempoRateLimitedException">The tenant sends more than its rate limit allows.</exception>
    /// <exception cref="TempoTooLargeException">A request is larger than the tenant may ever send at once.</exception>
    /// <exception cref="ArgumentException">The tenant ID is not valid.</exception>
    Task<IngestResult> IngestAsync(IEnumerable<Activity> activities, Resource? resource = null, string? tenant = null, CancellationToken cancellationToken = default);

    /// <summary>Sends an activity that has ended.</summary>
    /// <inheritdoc cref="IngestAsync(IEnumerable{Activity}, Resource?, string?, CancellationToken)"/>
    Task<IngestResult> IngestAsync(Activity activity, Resource? resource = null, string? tenant = null, CancellationToken cancellationToken = default) =>
        IngestAsync([activity], resource, tenant, cancellationToken);

    /// <summary>Finds a trace, live or stored.</summary>
    /// <param name="traceId">Its ID.</param>
    /// <param name="tenant">The ID of the tenant that the trace belongs to; null for <see cref="TempoClientOptions.Tenant"/>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The trace; null if there is none of that ID.</returns>
    /// <exception cref="TempoUnavailableException">The cluster could not answer, however often it was asked.</exception>
    /// <exception cref="ArgumentException">The tenant ID is not valid.</exception>
    Task<TempoTrace?> GetTraceAsync(ActivityTraceId traceId, string? tenant = null, CancellationToken cancellationToken = default);

    /// <summary>Finds a trace, live or stored.</summary>
    /// <param name="traceId">Its ID in hexadecimal; fewer than 32 digits are padded with zeros on the left.</param>
    /// <param name="tenant">The ID of the tenant that the trace belongs to; null for <see cref="TempoClientOptions.Tenant"/>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The trace; null if there is none of that ID.</returns>
    /// <exception cref="TempoUnavailableException">The cluster could not answer, however often it was asked.</exception>
    /// <exception cref="ArgumentException">The trace ID or the tenant ID is not valid.</exception>
    Task<TempoTrace?> GetTraceAsync(string traceId, string? tenant = null, CancellationToken cancellationToken = default);
}
