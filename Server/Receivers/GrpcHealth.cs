using Microsoft.AspNetCore.Http;
using OrleansTempo.Core;
using OrleansTempo.Core.Otlp.Buffers;

namespace OrleansTempo.Server.Receivers;

/// <summary>The standard <c>grpc.health.v1.Health</c> service: serving while the server takes spans.</summary>
internal sealed class GrpcHealth(ServerState state)
{
    private const int MaxRequestBytes = 4 << 10;

    // HealthCheckResponse { status: SERVING | NOT_SERVING | SERVICE_UNKNOWN }
    private static readonly byte[] s_serving = [0x08, 0x01];
    private static readonly byte[] s_notServing = [0x08, 0x02];
    private static readonly byte[] s_unknown = [0x08, 0x03];

    // Its own, so that probes are answered while the memory for requests is full. Hundreds may come at once.
    private readonly RequestMemory _memory = new(1 << 20);

    public async Task CheckAsync(HttpContext context)
    {
        if (await ReadServiceAsync(context) is not { } service)
            return;
        if (!IsKnown(service))
        {
            GrpcAnswer.Fail(context, new((int)GrpcCode.NotFound, $"unknown service '{service}'"));
            return;
        }

        GrpcAnswer.WriteMessage(context, state.Phase == ServerPhase.Ready ? s_serving : s_notServing);
        GrpcAnswer.End(context, default);
    }

    /// <summary>Sends the status now and at every change, until the client leaves or the server stops.</summary>
    public async Task WatchAsync(HttpContext context)
    {
        if (await ReadServiceAsync(context) is not { } service)
            return;

        while (true)
        {
            var (phase, changed) = state.Observe();
            GrpcAnswer.WriteMessage(context, !IsKnown(service) ? s_unknown : phase == ServerPhase.Ready ? s_serving : s_notServing);
            await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
            if (phase == ServerPhase.Stopping)
            {
                // An open stream would hold the shutdown up.
                GrpcAnswer.End(context, new((int)GrpcCode.Unavailable, "the server is shutting down"));
                return;
            }

            await changed.WaitAsync(context.RequestAborted);
        }
    }

    private static bool IsKnown(string service) => service is "" or OtlpGrpcReceiver.TraceService;

    // Null where the call has been answered with what is wrong.
    private async Task<string?> ReadServiceAsync(HttpContext context)
    {
        var (message, failure) = await GrpcMessage.ReadPrefixAsync(context.Request.BodyReader, context.Request.Headers["grpc-encoding"].ToString(), MaxRequestBytes, context.RequestAborted);
        if (failure is not null)
        {
            GrpcAnswer.Fail(context, failure.Value);
            return null;
        }

        ReceivedBody received;
        try
        {
            received = await RequestBody.ReceiveAsync(_memory, message, MaxRequestBytes, context.RequestAborted);
        }
        catch (RequestMemoryException full)
        {
            GrpcAnswer.Fail(context, Refusal.For(full).Status);
            return null;
        }

        if (received.Bytes is null)
        {
            GrpcAnswer.Fail(context, GrpcMessage.Problem(received.Status, received.SentBytes, message, MaxRequestBytes));
            return null;
        }

        var isRead = TryReadService(received.Bytes.Bytes, out var service);
        received.Bytes.Return();
        if (isRead)
            return service;
        GrpcAnswer.Fail(context, new((int)GrpcCode.InvalidArgument, "the request is not a grpc.health.v1.HealthCheckRequest"));
        return null;
    }

    // HealthCheckRequest has one field and gains no others: 1, a string.
    private static bool TryReadService(ReadOnlySpan<byte> message, out string service)
    {
        service = "";
        if (message.IsEmpty)
            return true;
        var position = 1;
        if (message[0] != 0x0A || !ProtoWire.TryReadVarint(message, ref position, out var length) || length != (ulong)(message.Length - position))
            return false;
        service = System.Text.Encoding.UTF8.GetString(message[position..]);
        return true;
    }
}
