using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace OrleansTempo.Core.Otlp;

/// <summary>Writes an <c>ExportTraceServiceResponse</c>: empty if all spans were accepted, otherwise a <c>partial_success</c>.</summary>
public static class ExportResponse
{
    /// <summary>The message in protobuf.</summary>
    public static byte[] ToProtobuf(int rejectedSpans, string message)
    {
        if (rejectedSpans == 0 && message.Length == 0)
            return [];

        var text = Encoding.UTF8.GetBytes(message);
        using var partial = new MemoryStream();
        if (rejectedSpans > 0)
        {
            partial.WriteByte(0x08);
            RpcStatus.WriteVarint(partial, (ulong)rejectedSpans);
        }

        RpcStatus.WriteBytes(partial, 0x12, text);
        using var response = new MemoryStream();
        RpcStatus.WriteBytes(response, 0x0A, partial.ToArray());
        return response.ToArray();
    }

    /// <summary>The message in OTLP/JSON, UTF-8.</summary>
    public static byte[] ToJson(int rejectedSpans, string message)
    {
        var response = new JsonObject();
        if (rejectedSpans > 0 || message.Length > 0)
        {
            var partial = new JsonObject();
            if (rejectedSpans > 0)
                partial["rejectedSpans"] = rejectedSpans.ToString(System.Globalization.CultureInfo.InvariantCulture);
            partial["errorMessage"] = message;
            response["partialSuccess"] = partial;
        }

        return JsonSerializer.SerializeToUtf8Bytes(response, RpcStatus.Json);
    }
}
