namespace OrleansTempo.Client;

/// <summary>
/// When one request is tried again: after 100 ms, then twice as long each time up to 5 s, half of it at random so that
/// clients which failed together do not come back together; and never before the cluster wants it.
/// </summary>
internal sealed class RetrySchedule(TempoClientOptions options, TimeProvider time, Random random)
{
    private static readonly TimeSpan s_first = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(5);

    private readonly long _begun = time.GetTimestamp();
    private TimeSpan _backoff = s_first;
    private int _retries;

    /// <summary>Whether to try again after that failure, and how long to wait before.</summary>
    public bool TryNext(TempoException failure, out TimeSpan wait)
    {
        wait = (failure.RetryAfter ?? TimeSpan.Zero) + (_backoff * (0.5 + (random.NextDouble() / 2)));
        var helps = failure is TempoUnavailableException or TempoRateLimitedException { RetryAfter: not null };
        if (!helps || _retries >= options.MaxRetries || time.GetElapsedTime(_begun) + wait > options.RetryFor)
            return false;
        _retries++;
        _backoff = _backoff * 2 < s_longest ? _backoff * 2 : s_longest;
        return true;
    }
}
