using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http;
using OrleansTempo.Core;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Server.Hosting;

namespace OrleansTempo.Server.Receivers;

/// <summary>
/// OTLP/gRPC: the unary <c>TraceService/Export</c> and the health service, on Kestrel's HTTP/2 directly, so that a message
/// goes from the socket's blocks into one pooled buffer, which no generated service does.
/// </summary>
/// <param name="admission">The part of an export that is not gRPC's own.</param>
/// <param name="state">What the health service reports.</param>
/// <param name="time">Measures the calls' deadlines.</param>
internal sealed class OtlpGrpcReceiver(PushAdmission admission, ServerState state, TimeProvider time)
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
            return PlainText.WriteAsync(context.Response, StatusCodes.Status405MethodNotAllowed, "gRPC calls must use POST\n");
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
        if (admission.Check(request, out var tenant) is { } refusal)
        {
            GrpcAnswer.Fail(context, refusal.Status);
            return;
        }

        CancellationTokenSource? deadline = null;
        var timeoutHeader = request.Headers["grpc-timeout"];
        if (timeoutHeader.Count > 0)
        {
            if (!GrpcTimeout.TryParse(timeoutHeader.ToString(), out var timeout))
            {
                GrpcAnswer.Fail(context, new((int)GrpcCode.Internal, $"grpc-timeout '{timeoutHeader}' is invalid; it must be up to eight digits followed by one of H, M, S, m, u, n"));
                return;
            }

            if (timeout < s_longestTimeout)
                deadline = new(timeout, time);
        }

        try
        {
            var failure = await ReceiveAsync(context, tenant, deadline?.Token ?? CancellationToken.None);
            if (failure is not null)
                GrpcAnswer.Fail(context, failure.Value);
        }
        catch (OperationCanceledException) when (deadline is { IsCancellationRequested: true })
        {
            GrpcAnswer.Fail(context, new((int)GrpcCode.DeadlineExceeded, "the call's deadline has passed"));
        }
        finally
        {
            deadline?.Dispose();
        }
    }

    // Null where the call has been answered.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<RpcStatus?> ReceiveAsync(HttpContext context, TenantId tenant, CancellationToken deadline)
    {
        var encoding = context.Request.Headers["grpc-encoding"].ToString();
        var (message, failure) = await GrpcMessage.ReadPrefixAsync(context.Request.BodyReader, encoding, admission.MaxRequestBytes, deadline);
        if (failure is null)
        {
            var outcome = await admission.PushAsync(tenant, message, deadline);
            if (outcome.Refusal is { } refusal)
                return refusal.Status;
            if (outcome.Body == BodyStatus.Complete)
            {
                GrpcAnswer.WriteMessage(context, ExportResponse.ToProtobuf(outcome.RejectedSpans, outcome.Message));
                GrpcAnswer.End(context, default);
                return null;
            }

            failure = GrpcMessage.Problem(outcome.Body, outcome.SentBytes, message, admission.MaxRequestBytes);
        }

        if (failure.Value.Code == (int)GrpcCode.Unimplemented)
            context.Response.Headers["grpc-accept-encoding"] = GrpcMessage.AcceptEncoding;
        return failure;
    }

    private static bool IsGrpc(string? contentType)
    {
        if (contentType is null || !contentType.StartsWith(GrpcAnswer.ContentType, StringComparison.OrdinalIgnoreCase))
            return false;
        var rest = contentType.AsSpan(GrpcAnswer.ContentType.Length);
        return rest.IsEmpty || rest[0] == ';' || (rest.StartsWith("+proto", StringComparison.OrdinalIgnoreCase) && (rest.Length == 6 || rest[6] == ';'));
    }
}
