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

/// <summary>How a push ended.</summary>
public enum PushStatus
{
    /// <summary>Taken, wholly or in part.</summary>
    Accepted,

    /// <summary>The bytes are not an OTLP trace request: HTTP 400, gRPC <c>INVALID_ARGUMENT</c>.</summary>
    Malformed,

    /// <summary>Over the tenant's rate, and welcome later: HTTP 429, gRPC <c>RESOURCE_EXHAUSTED</c>.</summary>
    RateLimited,

    /// <summary>Shutting down, or no room: HTTP 503, gRPC <c>UNAVAILABLE</c>.</summary>
    Unavailable,

    /// <summary>Larger than the tenant's limits allow at any time: HTTP 413, gRPC <c>INVALID_ARGUMENT</c>; no client may send it again.</summary>
    TooLarge,
}
