namespace OrleansTempo.Core.RemoteWrite.Endpoint;

/// <summary>What an attempt to send a request came to.</summary>
internal enum SendResult
{
    Accepted,

    /// <summary>The remote end may take it later: 5xx, 429, no answer.</summary>
    Retry,

    /// <summary>The remote end will never take it.</summary>
    Rejected,

    /// <summary>The remote end does not know this protocol; it may take the same in 1.0.</summary>
    NotUnderstood,
}

/// <param name="Result">Whether to go on, try again, or give up.</param>
/// <param name="Error">What went wrong, in one line; empty where nothing did.</param>
/// <param name="RetryAfter">How long the remote end asked to be left alone; null where it did not.</param>
/// <param name="Written">What was written of an accepted or rejected request; null where the remote end did not say: all or nothing.</param>
internal readonly record struct SendOutcome(SendResult Result, string Error, TimeSpan? RetryAfter = null, WrittenCounts? Written = null)
{
    public static readonly SendOutcome Accepted = new(SendResult.Accepted, "");
}
