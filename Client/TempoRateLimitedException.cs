namespace OrleansTempo.Client;

/// <summary>
/// The tenant sends more than its limits allow. Without <see cref="TempoException.RetryAfter"/> the request is larger than the
/// limits ever allow at once.
/// </summary>
public sealed class TempoRateLimitedException : TempoException
{
    internal TempoRateLimitedException(string message, TimeSpan? retryAfter)
        : base(message, retryAfter)
    {
    }
}
