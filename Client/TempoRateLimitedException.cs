namespace OrleansTempo.Client;

/// <summary>
/// The tenant sends more than its limits allow. If <see cref="TempoException.RetryAfter"/> is null, the cluster is configured to give no such advice, and
/// the request is not retried.
/// </summary>
public sealed class TempoRateLimitedException : TempoException
{
    internal TempoRateLimitedException(string message, TimeSpan? retryAfter)
        : base(message, retryAfter)
    {
    }
}
