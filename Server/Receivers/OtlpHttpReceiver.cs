using Microsoft.AspNetCore.Http;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Server.Hosting;

namespace OrleansTempo.Server.Receivers;

/// <summary>
/// OTLP/HTTP: <c>POST /v1/traces</c> in protobuf or JSON, plain or compressed.
/// <code>
/// path, method, type                → 404 405 415
/// <see cref="PushAdmission.Check"/>: tenant, phase       → 401 400 503
/// length, encoding                  → 413 415
/// <see cref="PushAdmission.PushAsync"/>: body, spans     → 200 400 413 429 503
/// </code>
/// Errors are <c>google.rpc.Status</c> in the request's encoding, or plain text where that is not known.
/// </summary>
/// <param name="options">The listener's path, origins and limit.</param>
/// <param name="admission">The part of an export that is not HTTP's own.</param>
internal sealed class OtlpHttpReceiver(ListenerOptions options, PushAdmission admission)
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
            return PlainText.WriteAsync(context.Response, StatusCodes.Status404NotFound, $"not found; send traces with POST to {options.TracesUrlPath}\n");
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
            return PlainText.WriteAsync(context.Response, StatusCodes.Status405MethodNotAllowed, $"method {Shorten(context.Request.Method)} is not allowed; use POST\n");
        }

        var contentType = MediaType(context.Request.ContentType);
        if (contentType.Equals(Protobuf, StringComparison.OrdinalIgnoreCase))
            return ExportAsync(context, json: false);
        return contentType.Equals(Json, StringComparison.OrdinalIgnoreCase)
            ? ExportAsync(context, json: true)
            : PlainText.WriteAsync(context.Response, StatusCodes.Status415UnsupportedMediaType, $"Content-Type '{Shorten(contentType)}' is not supported; use {Protobuf} or {Json}\n");
    }

    private async Task ExportAsync(HttpContext context, bool json)
    {
        var request = context.Request;
        if (admission.Check(request, out var tenant) is { } refusal)
        {
            await AnswerAsync(context, json, refusal);
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
            await AnswerAsync(context, json, StatusCodes.Status415UnsupportedMediaType, new((int)GrpcCode.InvalidArgument, $"Content-Encoding '{Shorten(encoding)}' is not supported; use {ContentCoding.Allowed}"));
            return;
        }

        var outcome = await admission.PushAsync(tenant, new SentBody(request.BodyReader, coding, length) { IsJson = json }, CancellationToken.None);
        await (outcome switch
        {
            { Refusal: { } refused } => AnswerAsync(context, json, refused),
            { Body: BodyStatus.Complete } => AnswerTakenAsync(context, json, outcome),
            { Body: BodyStatus.TooLarge } => AnswerTooLargeAsync(context, json),
            _ => AnswerAsync(context, json, Refusal.Invalid(RequestBody.Problem("body", coding!, outcome.Body))),
        });
    }

    private static Task AnswerTakenAsync(HttpContext context, bool json, in PushOutcome outcome)
    {
        if (json)
            return WriteAsync(context, Json, ExportResponse.ToJson(outcome.RejectedSpans, outcome.Message));
        if (outcome.RejectedSpans > 0 || outcome.Message.Length > 0)
            return WriteAsync(context, Protobuf, ExportResponse.ToProtobuf(outcome.RejectedSpans, outcome.Message));

        // An empty message is no bytes at all.
        context.Response.ContentType = Protobuf;
        context.Response.ContentLength = 0;
        return Task.CompletedTask;
    }

    private Task AnswerTooLargeAsync(HttpContext context, bool json) =>
        AnswerAsync(context, json, StatusCodes.Status413PayloadTooLarge, new((int)GrpcCode.ResourceExhausted, $"the request exceeds the maximum of {options.MaxRequestBytes} bytes, compressed or uncompressed (max_request_body_size). Send smaller batches, or raise the limit"));

    private static Task AnswerAsync(HttpContext context, bool json, in Refusal refusal) => AnswerAsync(context, json, StatusOf(refusal.Reason), refusal.Status);

    private static int StatusOf(RefusalReason reason) => reason switch
    {
        RefusalReason.NoTenant => StatusCodes.Status401Unauthorized,
        RefusalReason.Invalid => StatusCodes.Status400BadRequest,
        RefusalReason.TooLarge => StatusCodes.Status413PayloadTooLarge,
        RefusalReason.RateLimited => StatusCodes.Status429TooManyRequests,
        _ => StatusCodes.Status503ServiceUnavailable,
    };

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
