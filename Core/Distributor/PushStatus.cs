namespace OrleansTempo.Core.Distributor;

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
