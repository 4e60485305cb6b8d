using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;
using OrleansTempo.Core.Otlp;

namespace OrleansTempo.Server.Receivers;

/// <summary>The answering half of gRPC over HTTP/2: messages with their prefix, then the status in trailers.</summary>
internal static class GrpcAnswer
{
    public const string ContentType = "application/grpc";

    /// <summary>Ends a call that has sent nothing: the status goes into the headers, as "trailers-only".</summary>
    public static void Fail(HttpContext context, in RpcStatus status) => WriteStatus(context.Response.Headers, status);

    /// <summary>Ends a call that failed for no fault of its own: where there was no memory for it, it may come again.</summary>
    public static Task FailureAsync(HttpContext context, Exception exception)
    {
        context.Response.ContentType = ContentType;
        Fail(context, exception is OutOfMemoryException ? Refusal.OutOfMemory : new((int)GrpcCode.Internal, "internal error"));
        return Task.CompletedTask;
    }

    /// <summary>Ends a call that has sent messages.</summary>
    public static void End(HttpContext context, in RpcStatus status)
    {
        var trailers = context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpResponseTrailersFeature>()!.Trailers;
        if (status.Code == 0)
            trailers["grpc-status"] = "0";
        else
            WriteStatus(trailers, status);
    }

    /// <summary>Writes one message without flushing it.</summary>
    public static void WriteMessage(HttpContext context, ReadOnlySpan<byte> message)
    {
        var writer = context.Response.BodyWriter;
        var length = GrpcMessage.PrefixBytes + message.Length;
        var span = writer.GetSpan(length);
        span[0] = 0;
        BinaryPrimitives.WriteUInt32BigEndian(span[1..], (uint)message.Length);
        message.CopyTo(span[GrpcMessage.PrefixBytes..]);
        writer.Advance(length);
    }

    private static void WriteStatus(IHeaderDictionary headers, in RpcStatus status)
    {
        headers["grpc-status"] = status.Code.ToString(CultureInfo.InvariantCulture);
        headers["grpc-message"] = PercentEncode(status.Message);

        // Clients look for RetryInfo here, and only here.
        if (status.RetryDelay is not null)
            headers["grpc-status-details-bin"] = Convert.ToBase64String(status.ToProtobuf()).TrimEnd('=');
    }

    private static string PercentEncode(string message)
    {
        var text = new StringBuilder(message.Length);
        foreach (var b in Encoding.UTF8.GetBytes(message))
        {
            if (b is >= 0x20 and <= 0x7E and not (byte)'%')
                text.Append((char)b);
            else
                text.Append('%').Append(b.ToString("X2", CultureInfo.InvariantCulture));
        }

        return text.ToString();
    }
}
