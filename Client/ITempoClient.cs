using System.Diagnostics;
using Google.Protobuf;
using OpenTelemetry.Resources;

namespace OrleansTempo.Client;

/// <summary>
/// Sends spans to a cluster of OrleansTempo silos, and asks it for traces, through the application's Orleans client. Any thread
/// may use it. It is registered by <see cref="TempoClientServices.AddOrleansTempoClient"/>.
/// <para>
/// What the cluster has acknowledged is in a write-ahead log. What it could not take is tried again for as long as
/// <see cref="TempoClientOptions"/> allow, then an exception says why. A request whose answer is lost is sent twice: its
/// traces stay what they are, for spans are a set, but metrics made of its spans may count them twice.
/// </para>
/// </summary>
public interface ITempoClient
{
    /// <summary>Sends an OTLP <c>ExportTraceServiceRequest</c> in protobuf. The bytes are copied.</summary>
    /// <param name="request">At most <see cref="TempoClientOptions.MaxRequestBytes"/>.</param>
    /// <param name="tenant">Whose spans they are; null for <see cref="TempoClientOptions.Tenant"/>.</param>
    /// <param name="cancellationToken">Ends the wait; spans may have been taken by then.</param>
    /// <exception cref="TempoUnavailableException">The cluster could not take it for as long as it was tried.</exception>
    /// <exception cref="TempoRateLimitedException">The tenant sends more than it may.</exception>
    /// <exception cref="TempoTooLargeException">The request is larger than the tenant may ever send at once.</exception>
    /// <exception cref="TempoMalformedException">That is no OTLP request.</exception>
    /// <exception cref="ArgumentException">The request is too large, or that is no tenant's ID.</exception>
    Task<IngestResult> IngestAsync(ReadOnlyMemory<byte> request, string? tenant = null, CancellationToken cancellationToken = default);

    /// <summary>Sends an OTLP <c>ExportTraceServiceRequest</c>, whichever library's generated class it is.</summary>
    /// <inheritdoc cref="IngestAsync(ReadOnlyMemory{byte}, string?, CancellationToken)"/>
    /// <exception cref="ArgumentException">That is another message, or too large, or that is no tenant's ID.</exception>
    Task<IngestResult> IngestAsync(IMessage request, string? tenant = null, CancellationToken cancellationToken = default);

    /// <summary>Sends activities that have ended, in as many requests as it takes. Where it throws, some of them may have been taken.</summary>
    /// <param name="activities">Activities with W3C IDs. A span that is too large for a request counts as rejected.</param>
    /// <param name="resource">What they are of, such as <c>service.name</c>; null for nothing.</param>
    /// <param name="tenant">Whose spans they are; null for <see cref="TempoClientOptions.Tenant"/>.</param>
    /// <param name="cancellationToken">Ends the wait; spans may have been taken by then.</param>
    /// <exception cref="TempoUnavailableException">The cluster could not take them for as long as it was tried.</exception>
    /// <exception cref="TempoRateLimitedException">The tenant sends more than it may.</exception>
    /// <exception cref="TempoTooLargeException">The request is larger than the tenant may ever send at once.</exception>
    /// <exception cref="ArgumentException">That is no tenant's ID.</exception>
    Task<IngestResult> IngestAsync(IEnumerable<Activity> activities, Resource? resource = null, string? tenant = null, CancellationToken cancellationToken = default);

    /// <summary>Sends an activity that has ended.</summary>
    /// <inheritdoc cref="IngestAsync(IEnumerable{Activity}, Resource?, string?, CancellationToken)"/>
    Task<IngestResult> IngestAsync(Activity activity, Resource? resource = null, string? tenant = null, CancellationToken cancellationToken = default) =>
        IngestAsync([activity], resource, tenant, cancellationToken);

    /// <summary>All that is known of a trace; null where nothing is.</summary>
    /// <param name="traceId">Its ID.</param>
    /// <param name="tenant">Whose trace it is; null for <see cref="TempoClientOptions.Tenant"/>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="TempoUnavailableException">The cluster could not answer for as long as it was tried.</exception>
    /// <exception cref="ArgumentException">That is no tenant's ID.</exception>
    Task<TempoTrace?> GetTraceAsync(ActivityTraceId traceId, string? tenant = null, CancellationToken cancellationToken = default);

    /// <summary>All that is known of a trace; null where nothing is.</summary>
    /// <param name="traceId">Its ID in hexadecimal; fewer than 32 digits are filled up with zeros on the left.</param>
    /// <param name="tenant">Whose trace it is; null for <see cref="TempoClientOptions.Tenant"/>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="TempoUnavailableException">The cluster could not answer for as long as it was tried.</exception>
    /// <exception cref="ArgumentException">That is no trace's ID, or no tenant's.</exception>
    Task<TempoTrace?> GetTraceAsync(string traceId, string? tenant = null, CancellationToken cancellationToken = default);
}
