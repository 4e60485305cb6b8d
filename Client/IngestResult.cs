namespace OrleansTempo.Client;

/// <summary>The result of sending spans: they are stored, except those that a limit refused or that have no valid IDs.</summary>
/// <param name="RejectedSpans">How many spans were refused; sending them again does not help.</param>
/// <param name="Message">Why, in a sentence; empty if there is nothing to say.</param>
public sealed record IngestResult(int RejectedSpans, string Message)
{
    /// <summary>All spans are stored.</summary>
    public static IngestResult Accepted { get; } = new(0, "");

    /// <summary>Whether all spans are stored.</summary>
    public bool IsComplete => RejectedSpans == 0;

    internal IngestResult And(IngestResult other) => new(
        RejectedSpans + other.RejectedSpans,
        Message.Length == 0 || Message == other.Message ? other.Message : other.Message.Length == 0 ? Message : $"{Message}; {other.Message}");
}
