using System.Text;
using Microsoft.AspNetCore.Http;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Server.Receivers;

namespace OrleansTempo.Server.Hosting;

/// <summary>Writes a short text as the whole response.</summary>
internal static class PlainText
{
    public const string ContentType = "text/plain; charset=utf-8";

    public static async Task WriteAsync(HttpResponse response, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        response.ContentType = ContentType;
        response.ContentLength = bytes.Length;
        if (!HttpMethods.IsHead(response.HttpContext.Request.Method))
            await response.Body.WriteAsync(bytes);
    }

    /// <summary>Answers a request that failed through no fault of its own; if there was no memory for it, the client may retry.</summary>
    public static Task WriteFailureAsync(HttpContext context, Exception exception)
    {
        if (exception is not OutOfMemoryException)
            return WriteAsync(context.Response, StatusCodes.Status500InternalServerError, "internal error\n");
        var refusal = Refusal.OutOfMemory;
        context.Response.Headers.RetryAfter = refusal.RetryAfterSeconds;
        return WriteAsync(context.Response, StatusCodes.Status503ServiceUnavailable, refusal.Message + "\n");
    }

    public static Task WriteAsync(HttpResponse response, int statusCode, string text)
    {
        response.StatusCode = statusCode;
        return WriteAsync(response, text);
    }
}
