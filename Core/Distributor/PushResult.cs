namespace OrleansTempo.Core.Distributor;

/// <summary>What became of one push, for the receiver to put in its protocol's words.</summary>
public readonly record struct PushResult
{
    public required PushStatus Status { get; init; }

    /// <summary>Spans that the request has; 0 where it could not be read.</summary>
    public int Spans { get; init; }

    /// <summary>Spans refused although the rest was taken; 0 where all were taken or all refused.</summary>
    public int RejectedSpans { get; init; }

    /// <summary>Why, in a sentence that names what is wrong; empty on plain success.</summary>
    public string Message { get; init; }

    /// <summary>When to try again; null where trying again does not help or no advice is given.</summary>
    public TimeSpan? RetryAfter { get; init; }

    public static PushResult Accepted { get; } = new() { Status = PushStatus.Accepted, Message = "" };
}
