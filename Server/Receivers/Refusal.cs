using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Otlp.Buffers;

namespace OrleansTempo.Server.Receivers;

/// <summary>The answer to a push that is refused.</summary>
/// <param name="Reason">Decides HTTP's status code.</param>
/// <param name="Status">Goes into gRPC's trailers, and into the body of an answer over HTTP.</param>
internal readonly record struct Refusal(RefusalReason Reason, RpcStatus Status)
{
    // Long enough for a process to be replaced, short enough for an exporter's own queue to hold out.
    private static readonly TimeSpan s_retryDelay = TimeSpan.FromSeconds(5);

    private static readonly Refusal s_starting = Unavailable("the server is starting", s_retryDelay);
    private static readonly Refusal s_stopping = Unavailable("the server is shutting down", s_retryDelay);

    /// <summary>The answer to a request that failed because the process has reached its memory limit.</summary>
    public static RpcStatus OutOfMemory { get; } = Unavailable("the process has reached its memory limit; try again later", s_retryDelay).Status;

    /// <summary>The request names no tenant.</summary>
    public static Refusal NoTenant(string message) => new(RefusalReason.NoTenant, new((int)GrpcCode.Unauthenticated, message));

    /// <summary>The request is wrong; sending it again does not help.</summary>
    public static Refusal Invalid(string message) => new(RefusalReason.Invalid, new((int)GrpcCode.InvalidArgument, message));

    /// <summary>Null if the server accepts pushes.</summary>
    public static Refusal? For(ServerPhase phase) => phase switch
    {
        ServerPhase.Starting => s_starting,
        ServerPhase.Stopping => s_stopping,
        _ => null,
    };

    /// <summary>There is no memory for the push. It may be sent again, unless it is too large for all of the memory.</summary>
    public static Refusal For(RequestMemoryException full) => full.CanFit ? Unavailable(full.Message, s_retryDelay) : TooLarge(full.Message);

    /// <summary>Null if the push was accepted, wholly or in part.</summary>
    public static Refusal? For(in PushResult result) => result.Status switch
    {
        PushStatus.Accepted => null,
        PushStatus.Malformed => Invalid(result.Message ?? ""),
        PushStatus.TooLarge => TooLarge(result.Message ?? ""),
        PushStatus.RateLimited => new(RefusalReason.RateLimited, new((int)GrpcCode.ResourceExhausted, result.Message ?? "", result.RetryAfter)),
        _ => Unavailable(result.Message ?? "", result.RetryAfter),
    };

    // No client sends again what is an invalid argument.
    private static Refusal TooLarge(string message) => new(RefusalReason.TooLarge, new((int)GrpcCode.InvalidArgument, message));

    private static Refusal Unavailable(string message, TimeSpan? retryAfter) => new(RefusalReason.Unavailable, new((int)GrpcCode.Unavailable, message, retryAfter));
}

/// <summary>The kinds of refusals that have an HTTP status of their own.</summary>
internal enum RefusalReason
{
    NoTenant,
    Invalid,
    TooLarge,
    RateLimited,
    Unavailable,
}
