namespace OrleansTempo.Client;

/// <summary>
/// The cluster could not be reached, or could not take the request, for as long as <see cref="TempoClientOptions"/> let it be
/// tried. Some of the spans may have been taken all the same: an answer may be lost on its way.
/// </summary>
public sealed class TempoUnavailableException : TempoException
{
    internal TempoUnavailableException(string message, TimeSpan? retryAfter = null, Exception? cause = null)
        : base(message, retryAfter, cause)
    {
    }
}
