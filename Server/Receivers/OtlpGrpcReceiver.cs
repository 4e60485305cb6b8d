using Microsoft.AspNetCore.Http;
using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Server.Hosting;
using OrleansTempo.Server.Ports;

namespace OrleansTempo.Server.Receivers;

/// <summary>
/// OTLP/gRPC: the unary <c>TraceService/Export</c> and the health service, on Kestrel's HTTP/2 directly, so that a message
/// goes from the socket's blocks into one pooled buffer, which no generated service does.
/// </summary>
internal sealed class OtlpGrpcReceiver(ListenerOptions options, bool multitenancy, ServerState state, ITracePush push, RequestMemory memory, TimeProvider time)
{
    public const string TraceService = "opentelemetry.proto.collector.trace.v1.TraceService";

    private const string ExportPath = "/" + TraceService + "/Export";
    private const string CheckPath = "/grpc.health.v1.Health/Check";
    private const string WatchPath = "/grpc.health.v1.Health/Watch";

    // Timers reach a little over 49 days; a deadline beyond that is none.
    private static readonly TimeSpan s_longestTimeout = TimeSpan.FromDays(49);

    private readonly GrpcHealth _health = new(state);

    /// <summary>What a call is counted for: an export as a gateway before Tempo names it, the others by their names.</summary>
    public static string RouteOf(HttpRequest request) => request.Path.Value switch
    {
        ExportPath => "opentelemetry_proto_collector_trace_v1_traceservice_export",
        CheckPath => CheckPath,
        WatchPath => WatchPath,
        _ => RequestLabels.NoRoute,
    };

    public Task HandleAsync(HttpContext context)
    {
        var request = context.Request;
        if (!HttpMethods.IsPost(request.Method))
        {
            context.Response.Headers.Allow = "POST";
            return PlainText.WriteAsync(context.Response, StatusCodes.Status405MethodNotAllowed, "gRPC calls are POST\n");
        }

        if (!IsGrpc(request.ContentType))
            return PlainText.WriteAsync(context.Response, StatusCodes.Status415UnsupportedMediaType, $"this port speaks gRPC: Content-Type must be {GrpcAnswer.ContentType} or {GrpcAnswer.ContentType}+proto\n");

        context.Response.ContentType = GrpcAnswer.ContentType;
        switch (request.Path.Value)
        {
            case ExportPath:
                return ExportAsync(context);
            case CheckPath:
                return _health.CheckAsync(context);
            case WatchPath:
                return _health.WatchAsync(context);
            default:
                var path = request.Path.Value ?? "";
                GrpcAnswer.Fail(context, new((int)GrpcCode.Unimplemented, $"unknown method '{(path.Length > 128 ? path[..128] : path)}'"));
                return Task.CompletedTask;
        }
    }

    private async Task ExportAsync(HttpContext context)
    {
        var request = context.Request;
        if (!TenantHeader.TryRead(request, multitenancy, out var tenant, out var missing, out var error))
        {
            GrpcAnswer.Fail(context, new((int)(missing ? GrpcCode.Unauthenticated : GrpcCode.InvalidArgument), error));
            return;
        }

        if (Refusal.For(state.Phase) is { } refusal)
        {
            GrpcAnswer.Fail(context, refusal);
            return;
        }

        CancellationTokenSource? deadline = null;
        var timeoutHeader = request.Headers["grpc-timeout"];
        if (timeoutHeader.Count > 0)
        {
            if (!GrpcTimeout.TryParse(timeoutHeader.ToString(), out var timeout))
            {
                GrpcAnswer.Fail(context, new((int)GrpcCode.Internal, $"grpc-timeout '{timeoutHeader}' is not up to eight digits and one of H, M, S, m, u, n"));
                return;
            }

            if (timeout < s_longestTimeout)
                deadline = new(timeout, time);
        }

        try
        {
            var status = await ReceiveAsync(context, tenant, deadline?.Token ?? CancellationToken.None);
            if (status is { } failure)
                GrpcAnswer.Fail(context, failure);
        }
        catch (OperationCanceledException) when (deadline is { IsCancellationRequested: true })
        {
            GrpcAnswer.Fail(context, new((int)GrpcCode.DeadlineExceeded, "the call's deadline has passed"));
        }
        catch (RequestMemoryException full)
        {
            GrpcAnswer.Fail(context, Refusal.For(full));
        }
        finally
        {
            deadline?.Dispose();
        }
    }

    // Null where the call has been answered.
    private async ValueTask<RpcStatus?> ReceiveAsync(HttpContext context, TenantId tenant, CancellationToken deadline)
    {
        var encoding = context.Request.Headers["grpc-encoding"].ToString();
        var message = await GrpcMessage.ReadAsync(context.Request.BodyReader, encoding, options.MaxRequestBytes, memory, deadline);
        if (message.Bytes is null)
        {
            if (message.Failure.Code == (int)GrpcCode.Unimplemented)
                context.Response.Headers["grpc-accept-encoding"] = GrpcMessage.AcceptEncoding;
            return message.Failure;
        }

        // The push may outlive the deadline: it owns the bytes, and the caller is told that its time is up.
        var pushing = push.PushAsync(tenant, message.Bytes, deadline);
        var result = pushing.IsCompleted || !deadline.CanBeCanceled ? await pushing : await pushing.AsTask().WaitAsync(deadline);
        if (result.Status != PushStatus.Accepted)
            return Failure(result);

        GrpcAnswer.WriteMessage(context, ExportResponse.ToProtobuf(result.RejectedSpans, result.Message ?? ""));
        GrpcAnswer.End(context, default);
        return null;
    }

    private static RpcStatus Failure(PushResult result) => result.Status switch
    {
        PushStatus.Malformed or PushStatus.TooLarge => new((int)GrpcCode.InvalidArgument, result.Message ?? ""),
        PushStatus.RateLimited => new((int)GrpcCode.ResourceExhausted, result.Message ?? "", result.RetryAfter),
        _ => new((int)GrpcCode.Unavailable, result.Message ?? "", result.RetryAfter),
    };

    private static bool IsGrpc(string? contentType)
    {
        if (contentType is null || !contentType.StartsWith(GrpcAnswer.ContentType, StringComparison.OrdinalIgnoreCase))
            return false;
        var rest = contentType.AsSpan(GrpcAnswer.ContentType.Length);
        return rest.IsEmpty || rest[0] == ';' || (rest.StartsWith("+proto", StringComparison.OrdinalIgnoreCase) && (rest.Length == 6 || rest[6] == ';'));
    }
}
