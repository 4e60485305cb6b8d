namespace OrleansTempo.Client;

/// <summary>The request is larger than the tenant's limits allow at any time: it is not sent again. The message names the limit and what to set.</summary>
public sealed class TempoTooLargeException : TempoException
{
    internal TempoTooLargeException(string message)
        : base(message)
    {
    }
}
