namespace OrleansTempo.Client;

/// <summary>A request that OrleansTempo did not serve; the message says why.</summary>
public abstract class TempoException : Exception
{
    private protected TempoException(string message, TimeSpan? retryAfter = null, Exception? cause = null)
        : base(message, cause) => RetryAfter = retryAfter;

    /// <summary>When trying again may help, as the cluster advises; null where it gave no advice.</summary>
    public TimeSpan? RetryAfter { get; }
}
