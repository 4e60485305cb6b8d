namespace OrleansTempo.Client;

/// <summary>
/// The tenant sends more than its limits allow. Without <see cref="TempoException.RetryAfter"/> the cluster is told to give no such advice, and the
/// request is not sent again.
/// </summary>
public sealed class TempoRateLimitedException : TempoException
{
    internal TempoRateLimitedException(string message, TimeSpan? retryAfter)
        : base(message, retryAfter)
    {
    }
}
