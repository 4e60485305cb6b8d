namespace OrleansTempo.Core.Distributor;

/// <summary>A token bucket of bytes, refilled at the tenant's rate up to its burst size; safe to call from any thread.</summary>
internal sealed class RateLimiter(TimeProvider time)
{
    private readonly Lock _lock = new();
    private double _tokens = double.PositiveInfinity;
    private long _refilled = time.GetTimestamp();
    private double _secondsToFull;

    /// <summary>Whether the bucket is as full as a new one, by the limits used last.</summary>
    public bool IsFull
    {
        get
        {
            lock (_lock)
                return time.GetElapsedTime(_refilled).TotalSeconds >= _secondsToFull;
        }
    }

    /// <summary>Takes <paramref name="bytes"/> from the bucket, or says how long until that many are available; <see cref="TimeSpan.MaxValue"/> for never.</summary>
    public bool TryTake(long bytes, IngestionLimits limits, out TimeSpan wait)
    {
        wait = TimeSpan.Zero;
        if (limits.RateLimitBytes <= 0)
            return true;

        lock (_lock)
        {
            var now = time.GetTimestamp();
            _tokens = Math.Min(limits.BurstSizeBytes, _tokens + (time.GetElapsedTime(_refilled, now).TotalSeconds * limits.RateLimitBytes));
            _refilled = now;
            var isEnough = bytes <= _tokens;
            if (isEnough)
                _tokens -= bytes;
            _secondsToFull = (limits.BurstSizeBytes - _tokens) / limits.RateLimitBytes;
            if (isEnough)
                return true;

            wait = bytes > limits.BurstSizeBytes
                ? TimeSpan.MaxValue
                : TimeSpan.FromSeconds((bytes - _tokens) / limits.RateLimitBytes);
            return false;
        }
    }
}
