using Microsoft.AspNetCore.Http;
using OrleansTempo.Core;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Server.Receivers;

namespace OrleansTempo.Server.Hosting;

/// <summary>
/// The labels of requests in <c>tempo_request_duration_seconds</c>, as in Tempo's server. No label contains text that a client can make
/// up, because every new text would create a series.
/// </summary>
internal static class RequestLabels
{
    /// <summary>The route of a request that matches no route.</summary>
    public const string NoRoute = "other";

    /// <summary>The status of a request whose client did not wait for the response.</summary>
    public const int ClientGone = 499;

    private static readonly string[] s_statuses = [.. Enumerable.Range(0, 600).Select(static status => $"{status}")];

    /// <summary>The route label of a path: in lower case, with one <c>_</c> for each run of other characters than letters and digits: <c>api_traces_traceid</c>.</summary>
    public static string RouteOf(string path)
    {
        var words = path.Split([.. path.Where(static c => !char.IsAsciiLetterOrDigit(c))], StringSplitOptions.RemoveEmptyEntries);
        return words.Length == 0 ? "root" : string.Join('_', words).ToLowerInvariant();
    }

    public static string Method(string method) =>
        HttpMethods.IsPost(method) ? HttpMethods.Post
        : HttpMethods.IsGet(method) ? HttpMethods.Get
        : HttpMethods.IsHead(method) ? HttpMethods.Head
        : HttpMethods.IsPut(method) ? HttpMethods.Put
        : HttpMethods.IsPatch(method) ? HttpMethods.Patch
        : HttpMethods.IsDelete(method) ? HttpMethods.Delete
        : HttpMethods.IsOptions(method) ? HttpMethods.Options
        : "other";

    public static string Status(int status) => s_statuses[Math.Clamp(status, 0, s_statuses.Length - 1)];

    /// <summary>The HTTP status that OTLP defines for the result of a gRPC call, so that writes over both protocols add up.</summary>
    public static int StatusOfCall(HttpContext context)
    {
        var headers = context.Response.Headers;
        var code = headers.TryGetValue("grpc-status", out var status) || (context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpResponseTrailersFeature>()?.Trailers.TryGetValue("grpc-status", out status) ?? false)
            ? status.ToString()
            : "";
        if (!int.TryParse(code, out var number))
            return context.Response.StatusCode;
        return (GrpcCode)number switch
        {
            GrpcCode.Ok => StatusCodes.Status200OK,
            GrpcCode.InvalidArgument => StatusCodes.Status400BadRequest,
            GrpcCode.Unauthenticated => StatusCodes.Status401Unauthorized,
            GrpcCode.ResourceExhausted => StatusCodes.Status429TooManyRequests,
            GrpcCode.Unimplemented => StatusCodes.Status501NotImplemented,
            GrpcCode.Unavailable => StatusCodes.Status503ServiceUnavailable,
            GrpcCode.DeadlineExceeded => StatusCodes.Status504GatewayTimeout,
            _ => StatusCodes.Status500InternalServerError,
        };
    }
}
