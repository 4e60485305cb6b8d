using Microsoft.AspNetCore.Http;
using OrleansTempo.Core;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Server.Receivers;

namespace OrleansTempo.Server.Hosting;

/// <summary>
/// How requests are labelled in <c>tempo_request_duration_seconds</c>: as Tempo's server does it. No label has what a client can make up, or there would be a
/// series for each of its ideas.
/// </summary>
internal static class RequestLabels
{
    /// <summary>The route of a request that none is for.</summary>
    public const string NoRoute = "other";

    /// <summary>The status of a request whose client has not waited for the answer.</summary>
    public const int ClientGone = 499;

    private static readonly string[] s_statuses = [.. Enumerable.Range(0, 600).Select(static status => $"{status}")];

    /// <summary>A path as a route: in small letters, with one <c>_</c> for all that is neither letter nor digit: <c>api_traces_traceid</c>.</summary>
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

    /// <summary>The HTTP status that OTLP has for what a gRPC call was answered, so that writes of both protocols add up.</summary>
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
