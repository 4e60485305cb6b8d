namespace OrleansTempo.Client;

/// <summary>The request is larger than the tenant's limits ever allow, so it is not retried. The message names the limit and the value to set.</summary>
public sealed class TempoTooLargeException : TempoException
{
    internal TempoTooLargeException(string message)
        : base(message)
    {
    }
}
