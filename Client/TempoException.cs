namespace OrleansTempo.Client;

/// <summary>OrleansTempo did not serve a request; the message says why.</summary>
public abstract class TempoException : Exception
{
    private protected TempoException(string message, TimeSpan? retryAfter = null, Exception? cause = null)
        : base(message, cause) => RetryAfter = retryAfter;

    /// <summary>How long to wait before a retry may help, as the cluster advises; null for no advice.</summary>
    public TimeSpan? RetryAfter { get; }
}
