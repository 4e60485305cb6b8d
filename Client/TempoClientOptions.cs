using OrleansTempo.Core;

namespace OrleansTempo.Client;

/// <summary>How an <see cref="ITempoClient"/> sends. Checked when the host starts.</summary>
public sealed class TempoClientOptions
{
    /// <summary>The tenant of every request that names none: at most 150 characters of <c>a-z A-Z 0-9 ! - _ . * ' ( )</c>.</summary>
    public string Tenant { get; set; } = TenantId.Single.Value;

    /// <summary>How many times a request is retried; 0 for never.</summary>
    public int MaxRetries { get; set; } = 20;

    /// <summary>
    /// How long after its first attempt a request may still be retried. Each attempt may take as long as Orleans' response timeout,
    /// 30 seconds unless the Orleans client is configured otherwise.
    /// </summary>
    public TimeSpan RetryFor { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How many requests with spans may be in flight at once, including those that wait for a retry. Further calls wait.</summary>
    public int MaxConcurrentRequests { get; set; } = 16;

    /// <summary>
    /// The largest request, in bytes. Activities are sent in as many requests as it takes; a larger request that the caller made itself
    /// is refused with an <see cref="ArgumentException"/>.
    /// </summary>
    public int MaxRequestBytes { get; set; } = 16 << 20;
}
