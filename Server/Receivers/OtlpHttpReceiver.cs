using Microsoft.AspNetCore.Http;
using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Core.Otlp.Json;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Server.Hosting;
using OrleansTempo.Server.Ports;

namespace OrleansTempo.Server.Receivers;

/// <summary>
/// OTLP/HTTP: <c>POST /v1/traces</c> in protobuf or JSON, plain or compressed.
/// <code>
/// path, method, type, encoding, tenant, phase  → 404 405 415 415 401/400 503
/// body → RequestBuffer (JSON → protobuf)       → 413 400
/// ITracePush                                   → 200 400 413 429 503
/// </code>
/// Errors are <c>google.rpc.Status</c> in the request's encoding, or plain text where that is not known.
/// </summary>
internal sealed class OtlpHttpReceiver(ListenerOptions options, bool multitenancy, ServerState state, ITracePush push, RequestMemory memory)
{
    private const string Protobuf = "application/x-protobuf";
    private const string Json = "application/json";

    private readonly CorsPolicy? _cors = options.Cors is { AllowedOrigins.Count: > 0 } cors ? new(cors) : null;
    private readonly string _allow = options.Cors is { AllowedOrigins.Count: > 0 } ? "POST, OPTIONS" : "POST";

    /// <summary>What a request is counted for: an export as a gateway before Tempo names it.</summary>
    public static string RouteOf(HttpRequest request, ListenerOptions options) => request.Path.Value == options.TracesUrlPath ? "otlp_v1_traces" : RequestLabels.NoRoute;

    public Task HandleAsync(HttpContext context)
    {
        if (context.Request.Path.Value != options.TracesUrlPath)
            return PlainText.WriteAsync(context.Response, StatusCodes.Status404NotFound, $"not found; traces go to POST {options.TracesUrlPath}\n");
        if (_cors is not null)
        {
            if (CorsPolicy.IsPreflight(context.Request))
            {
                _cors.AnswerPreflight(context);
                return Task.CompletedTask;
            }

            _cors.Apply(context);
        }

        if (!HttpMethods.IsPost(context.Request.Method))
        {
            context.Response.Headers.Allow = _allow;
            return PlainText.WriteAsync(context.Response, StatusCodes.Status405MethodNotAllowed, $"method {Shorten(context.Request.Method)} is not allowed; send POST\n");
        }

        var contentType = MediaType(context.Request.ContentType);
        if (contentType.Equals(Protobuf, StringComparison.OrdinalIgnoreCase))
            return ExportAsync(context, json: false);
        return contentType.Equals(Json, StringComparison.OrdinalIgnoreCase)
            ? ExportAsync(context, json: true)
            : PlainText.WriteAsync(context.Response, StatusCodes.Status415UnsupportedMediaType, $"Content-Type '{Shorten(contentType)}' is not supported; allowed are {Protobuf} and {Json}\n");
    }

    private async Task ExportAsync(HttpContext context, bool json)
    {
        var request = context.Request;
        if (!TenantHeader.TryRead(request, multitenancy, out var tenant, out var missing, out var error))
        {
            await (missing
                ? AnswerAsync(context, json, StatusCodes.Status401Unauthorized, new((int)GrpcCode.Unauthenticated, error))
                : AnswerAsync(context, json, StatusCodes.Status400BadRequest, new((int)GrpcCode.InvalidArgument, error)));
            return;
        }

        if (Refusal.For(state.Phase) is { } refusal)
        {
            await AnswerAsync(context, json, StatusCodes.Status503ServiceUnavailable, refusal);
            return;
        }

        var length = request.ContentLength;
        if (length > options.MaxRequestBytes)
        {
            await AnswerTooLargeAsync(context, json);
            return;
        }

        var encoding = request.Headers.ContentEncoding.ToString();
        if (!ContentCoding.TryFind(encoding, out var coding))
        {
            context.Response.Headers.AcceptEncoding = ContentCoding.Header;
            await AnswerAsync(context, json, StatusCodes.Status415UnsupportedMediaType, new((int)GrpcCode.InvalidArgument, $"Content-Encoding '{Shorten(encoding)}' is not supported; allowed are {ContentCoding.Allowed}"));
            return;
        }

        RequestBuffer? buffer = null;
        try
        {
            buffer = RequestBody.RentFor(memory, length);
            var status = await RequestBody.ReadAsync(request.BodyReader, buffer, options.MaxRequestBytes, CancellationToken.None);
            if (status == BodyStatus.Complete && coding is not null)
            {
                var compressed = buffer;
                buffer = null;
                (status, buffer) = RequestBody.Decompress(memory, coding, compressed, options.MaxRequestBytes);
            }

            if (status == BodyStatus.TooLarge)
            {
                await AnswerTooLargeAsync(context, json);
                return;
            }

            if (buffer is null)
            {
                await AnswerAsync(context, json, StatusCodes.Status400BadRequest, new((int)GrpcCode.InvalidArgument, RequestBody.Problem("body", coding!, status)));
                return;
            }

            if (json && buffer.Length > 0)
            {
                var text = buffer;
                bool isRead;
                try
                {
                    buffer = null;
                    buffer = memory.Rent(text.Length);
                    isRead = OtlpJsonReader.TryRead(text.Bytes, buffer, out error);
                }
                finally
                {
                    text.Return();
                }

                if (!isRead)
                {
                    await AnswerAsync(context, json, StatusCodes.Status400BadRequest, new((int)GrpcCode.InvalidArgument, error));
                    return;
                }
            }

            var owned = buffer;
            buffer = null;
            await AnswerAsync(context, json, await push.PushAsync(tenant, owned, CancellationToken.None));
        }
        catch (RequestMemoryException full)
        {
            await AnswerAsync(context, json, full.CanFit ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status413PayloadTooLarge, Refusal.For(full));
        }
        finally
        {
            buffer?.Return();
        }
    }

    private static Task AnswerAsync(HttpContext context, bool json, PushResult result) => result.Status switch
    {
        PushStatus.Accepted => AnswerAcceptedAsync(context, json, result),
        PushStatus.Malformed => AnswerAsync(context, json, StatusCodes.Status400BadRequest, new((int)GrpcCode.InvalidArgument, result.Message)),
        PushStatus.TooLarge => AnswerAsync(context, json, StatusCodes.Status413PayloadTooLarge, new((int)GrpcCode.InvalidArgument, result.Message)),
        PushStatus.RateLimited => AnswerAsync(context, json, StatusCodes.Status429TooManyRequests, new((int)GrpcCode.ResourceExhausted, result.Message, result.RetryAfter)),
        _ => AnswerAsync(context, json, StatusCodes.Status503ServiceUnavailable, new((int)GrpcCode.Unavailable, result.Message, result.RetryAfter)),
    };

    private static Task AnswerAcceptedAsync(HttpContext context, bool json, PushResult result)
    {
        if (json)
            return WriteAsync(context, Json, ExportResponse.ToJson(result.RejectedSpans, result.Message ?? ""));
        if (result.RejectedSpans > 0 || !string.IsNullOrEmpty(result.Message))
            return WriteAsync(context, Protobuf, ExportResponse.ToProtobuf(result.RejectedSpans, result.Message ?? ""));

        // An empty message is no bytes at all.
        context.Response.ContentType = Protobuf;
        context.Response.ContentLength = 0;
        return Task.CompletedTask;
    }

    private Task AnswerTooLargeAsync(HttpContext context, bool json) =>
        AnswerAsync(context, json, StatusCodes.Status413PayloadTooLarge, new((int)GrpcCode.ResourceExhausted, $"the request is larger than {options.MaxRequestBytes} bytes, the most that max_request_body_size allows it, compressed or not. Send smaller batches, or raise it"));

    private static Task AnswerAsync(HttpContext context, bool json, int httpStatus, RpcStatus status)
    {
        context.Response.StatusCode = httpStatus;
        context.Response.Headers.RetryAfter = status.RetryAfterSeconds;
        return json ? WriteAsync(context, Json, status.ToJson()) : WriteAsync(context, Protobuf, status.ToProtobuf());
    }

    private static Task WriteAsync(HttpContext context, string contentType, byte[] body)
    {
        context.Response.ContentType = contentType;
        context.Response.ContentLength = body.Length;
        return context.Response.Body.WriteAsync(body).AsTask();
    }

    // "application/json; charset=utf-8" is application/json.
    private static ReadOnlySpan<char> MediaType(string? contentType)
    {
        var type = contentType.AsSpan();
        var semicolon = type.IndexOf(';');
        return (semicolon < 0 ? type : type[..semicolon]).Trim();
    }

    private static string Shorten(ReadOnlySpan<char> value) => value.Length <= 64 ? value.ToString() : $"{value[..64]}…";
}
