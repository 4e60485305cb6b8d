namespace OrleansTempo.Core.RemoteWrite.Endpoint;

/// <summary>The result of an attempt to send a request.</summary>
internal enum SendResult
{
    Accepted,

    /// <summary>The remote end may accept it later: 5xx, 429, no answer.</summary>
    Retry,

    /// <summary>The remote end will never accept it.</summary>
    Rejected,

    /// <summary>The remote end does not know this protocol; it may accept the same request in 1.0.</summary>
    NotUnderstood,
}

/// <param name="Result">Whether to continue, retry, or give up.</param>
/// <param name="Error">What went wrong, in one line; empty for nothing.</param>
/// <param name="RetryAfter">How long the remote end asked to wait before the next attempt; null if it did not.</param>
/// <param name="Written">How much of an accepted or rejected request was written; null if the remote end did not say, which means all or nothing.</param>
internal readonly record struct SendOutcome(SendResult Result, string Error, TimeSpan? RetryAfter = null, WrittenCounts? Written = null)
{
    public static readonly SendOutcome Accepted = new(SendResult.Accepted, "");
}
