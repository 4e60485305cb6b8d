using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace OrleansTempo.Core.Otlp;

/// <summary>
/// A <c>google.rpc.Status</c>, which OTLP uses for errors, with the one detail OTLP knows: a <c>google.rpc.RetryInfo</c> that says when to retry.
/// </summary>
/// <param name="Code">A gRPC status code.</param>
/// <param name="Message">What is wrong, for a person.</param>
/// <param name="RetryDelay">When to retry; null for no such detail.</param>
public readonly record struct RpcStatus(int Code, string Message, TimeSpan? RetryDelay = null)
{
    private const string RetryInfoType = "type.googleapis.com/google.rpc.RetryInfo";

    // People and JSON parsers read these answers; nobody pastes them into a page, so apostrophes need no escape.
    internal static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>When to retry, as HTTP's <c>Retry-After</c> in whole seconds; null for no advice.</summary>
    public string? RetryAfterSeconds => RetryDelay is { } delay ? Math.Max(1, (long)Math.Ceiling(delay.TotalSeconds)).ToString(CultureInfo.InvariantCulture) : null;

    /// <summary>The status in protobuf.</summary>
    public byte[] ToProtobuf()
    {
        using var status = new MemoryStream();
        if (Code != 0)
        {
            status.WriteByte(0x08);
            WriteVarint(status, (ulong)Code);
        }

        WriteBytes(status, 0x12, Encoding.UTF8.GetBytes(Message));
        if (RetryDelay is { } delay)
        {
            using var duration = new MemoryStream();
            var (seconds, nanos) = Split(delay);
            if (seconds != 0)
            {
                duration.WriteByte(0x08);
                WriteVarint(duration, (ulong)seconds);
            }

            if (nanos != 0)
            {
                duration.WriteByte(0x10);
                WriteVarint(duration, (ulong)nanos);
            }

            using var retryInfo = new MemoryStream();
            retryInfo.WriteByte(0x0A);
            WriteVarint(retryInfo, (ulong)duration.Length);
            duration.WriteTo(retryInfo);
            using var any = new MemoryStream();
            WriteBytes(any, 0x0A, Encoding.UTF8.GetBytes(RetryInfoType));
            WriteBytes(any, 0x12, retryInfo.ToArray());
            WriteBytes(status, 0x1A, any.ToArray());
        }

        return status.ToArray();
    }

    /// <summary>The status in proto3 JSON, UTF-8.</summary>
    public byte[] ToJson()
    {
        var status = new JsonObject { ["code"] = Code, ["message"] = Message };
        if (RetryDelay is { } delay)
        {
            var (seconds, nanos) = Split(delay);
            var text = nanos == 0
                ? string.Create(CultureInfo.InvariantCulture, $"{seconds}s")
                : string.Create(CultureInfo.InvariantCulture, $"{seconds}.{nanos:D9}s");
            status["details"] = new JsonArray(new JsonObject { ["@type"] = RetryInfoType, ["retryDelay"] = text });
        }

        return JsonSerializer.SerializeToUtf8Bytes(status, Json);
    }

    internal static void WriteVarint(Stream stream, ulong value)
    {
        Span<byte> bytes = stackalloc byte[ProtoWire.MaxVarintBytes];
        var length = 0;
        ProtoWire.WriteVarint(bytes, ref length, value);
        stream.Write(bytes[..length]);
    }

    // Proto3 leaves out an empty field.
    internal static void WriteBytes(Stream stream, byte tag, byte[] bytes)
    {
        if (bytes.Length == 0)
            return;
        stream.WriteByte(tag);
        WriteVarint(stream, (ulong)bytes.Length);
        stream.Write(bytes);
    }

    // A retry delay is never negative.
    private static (long Seconds, int Nanos) Split(TimeSpan delay)
    {
        var ticks = Math.Max(0, delay.Ticks);
        return (ticks / TimeSpan.TicksPerSecond, (int)(ticks % TimeSpan.TicksPerSecond) * 100);
    }
}
