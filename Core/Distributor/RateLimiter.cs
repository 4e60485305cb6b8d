namespace OrleansTempo.Core.Distributor;

/// <summary>A token bucket of bytes, refilled at the tenant's rate up to its burst size; safe to call from any thread.</summary>
internal sealed class RateLimiter(TimeProvider time)
{
    private readonly Lock _lock = new();
    private double _tokens = double.PositiveInfinity;
    private long _refilled = time.GetTimestamp();

    /// <summary>Takes <paramref name="bytes"/> out of the bucket, or says how long until they would be there; <see cref="TimeSpan.MaxValue"/> for never.</summary>
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
            if (bytes <= _tokens)
            {
                _tokens -= bytes;
                return true;
            }

            wait = bytes > limits.BurstSizeBytes
                ? TimeSpan.MaxValue
                : TimeSpan.FromSeconds((bytes - _tokens) / limits.RateLimitBytes);
            return false;
        }
    }
}
