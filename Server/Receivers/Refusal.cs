using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Otlp.Buffers;

namespace OrleansTempo.Server.Receivers;

/// <summary>What a push is told while the server does not take any.</summary>
internal static class Refusal
{
    // Long enough for a process to be replaced, short enough for an exporter's own queue to hold out.
    private static readonly TimeSpan s_retryDelay = TimeSpan.FromSeconds(5);

    private static readonly RpcStatus s_starting = new((int)GrpcCode.Unavailable, "the server is starting", s_retryDelay);
    private static readonly RpcStatus s_stopping = new((int)GrpcCode.Unavailable, "the server is shutting down", s_retryDelay);

    /// <summary>What a request is told that could not be finished because the process has all the memory it may have.</summary>
    public static RpcStatus OutOfMemory { get; } = new((int)GrpcCode.Unavailable, "the process has all the memory that it may have; try again later", s_retryDelay);

    /// <summary>What a push is told for which there is no memory: <c>UNAVAILABLE</c>, with the time to come again; <c>INVALID_ARGUMENT</c> where there never is.</summary>
    public static RpcStatus For(RequestMemoryException full) =>
        full.CanFit ? new((int)GrpcCode.Unavailable, full.Message, s_retryDelay) : new((int)GrpcCode.InvalidArgument, full.Message);

    /// <summary>Null where pushes are taken.</summary>
    public static RpcStatus? For(ServerPhase phase) => phase switch
    {
        ServerPhase.Starting => s_starting,
        ServerPhase.Stopping => s_stopping,
        _ => null,
    };
}
