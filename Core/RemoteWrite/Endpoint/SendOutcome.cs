namespace OrleansTempo.Core.RemoteWrite.Endpoint;

/// <param name="Result">Whether to go on, try again, or give up.</param>
/// <param name="Error">What went wrong, in one line; empty where nothing did.</param>
/// <param name="RetryAfter">How long the remote end asked to be left alone; null where it did not.</param>
/// <param name="Written">What was written of an accepted or rejected request; null where the remote end did not say: all or nothing.</param>
internal readonly record struct SendOutcome(SendResult Result, string Error, TimeSpan? RetryAfter = null, WrittenCounts? Written = null)
{
    public static readonly SendOutcome Accepted = new(SendResult.Accepted, "");
}
