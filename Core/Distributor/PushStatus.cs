namespace OrleansTempo.Core.Distributor;

/// <summary>How a push ended.</summary>
public enum PushStatus
{
    /// <summary>Taken, wholly or in part.</summary>
    Accepted,

    /// <summary>The bytes are not an OTLP trace request: HTTP 400, gRPC <c>INVALID_ARGUMENT</c>.</summary>
    Malformed,

    /// <summary>Over the tenant's rate: HTTP 429, gRPC <c>RESOURCE_EXHAUSTED</c>.</summary>
    RateLimited,

    /// <summary>Shutting down, or no room: HTTP 503, gRPC <c>UNAVAILABLE</c>.</summary>
    Unavailable,
}
