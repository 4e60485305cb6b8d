namespace OrleansTempo.Core.Distributor;

/// <summary>The result of one push, which the receiver translates into its protocol.</summary>
public readonly record struct PushResult
{
    public required PushStatus Status { get; init; }

    /// <summary>The number of spans in the request; 0 if it could not be read.</summary>
    public int Spans { get; init; }

    /// <summary>The number of spans refused from a partly accepted request; 0 if all were accepted or all refused.</summary>
    public int RejectedSpans { get; init; }

    /// <summary>The reason, in a sentence that names what is wrong; empty on plain success.</summary>
    public string Message { get; init; }

    /// <summary>When to retry; null if retrying does not help or no advice is given.</summary>
    public TimeSpan? RetryAfter { get; init; }

    public static PushResult Accepted { get; } = new() { Status = PushStatus.Accepted, Message = "" };
}

/// <summary>How a push ended.</summary>
public enum PushStatus
{
    /// <summary>Accepted, at least in part.</summary>
    Accepted,

    /// <summary>The bytes are not an OTLP trace request: HTTP 400, gRPC <c>INVALID_ARGUMENT</c>.</summary>
    Malformed,

    /// <summary>Exceeds the tenant's rate, but may be sent again later: HTTP 429, gRPC <c>RESOURCE_EXHAUSTED</c>.</summary>
    RateLimited,

    /// <summary>Shutting down or out of room: HTTP 503, gRPC <c>UNAVAILABLE</c>.</summary>
    Unavailable,

    /// <summary>Larger than the tenant's limits ever allow: HTTP 413, gRPC <c>INVALID_ARGUMENT</c>; clients must not retry.</summary>
    TooLarge,
}
