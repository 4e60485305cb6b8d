namespace OrleansTempo.Client;

/// <summary>What became of spans that were sent: they were taken, but for those that a limit refused or that have no valid IDs.</summary>
/// <param name="RejectedSpans">Spans that were refused, and are not worth sending again.</param>
/// <param name="Message">Why, in a sentence; empty where there is nothing to say.</param>
public sealed record IngestResult(int RejectedSpans, string Message)
{
    /// <summary>All spans were taken.</summary>
    public static IngestResult Accepted { get; } = new(0, "");

    /// <summary>Whether all spans were taken.</summary>
    public bool IsComplete => RejectedSpans == 0;

    internal IngestResult And(IngestResult other) => new(
        RejectedSpans + other.RejectedSpans,
        Message.Length == 0 || Message == other.Message ? other.Message : other.Message.Length == 0 ? Message : $"{Message}; {other.Message}");
}
