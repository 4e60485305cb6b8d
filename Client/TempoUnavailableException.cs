namespace OrleansTempo.Client;

/// <summary>
/// The cluster could not be reached, or could not take the request, for as long as <see cref="TempoClientOptions"/> allow
/// retries. Some of the spans may be stored all the same: an answer can be lost on its way.
/// </summary>
public sealed class TempoUnavailableException : TempoException
{
    internal TempoUnavailableException(string message, TimeSpan? retryAfter = null, Exception? cause = null)
        : base(message, retryAfter, cause)
    {
    }
}
