using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using OrleansTempo.Core.Otlp;

namespace OrleansTempo.Server.Receivers;

/// <summary>
/// The framing of the one message of a unary call.
/// <code>
/// 1 byte   compressed?
/// 4 bytes  length, big-endian
/// n bytes  message                 then the end of the stream
/// </code>
/// </summary>
internal static class GrpcMessage
{
    public const int PrefixBytes = 5;

    /// <summary>The supported compressions, as <c>grpc-accept-encoding</c> lists them.</summary>
    public static string AcceptEncoding { get; } = $"{ContentCoding.Identity},{ContentCoding.Header.Replace(" ", "", StringComparison.Ordinal)}";

    /// <summary>Reads the prefix of the message; the failure says why no message follows.</summary>
    /// <param name="encoding">The call's <c>grpc-encoding</c>, empty for none.</param>
    /// <param name="limit">The most bytes that the message may have.</param>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public static async ValueTask<(SentBody Message, RpcStatus? Failure)> ReadPrefixAsync(PipeReader reader, string encoding, int limit, CancellationToken cancellationToken)
    {
        var read = await reader.ReadAtLeastAsync(PrefixBytes, cancellationToken);
        if (read.Buffer.Length < PrefixBytes)
            return read.Buffer.IsEmpty ? Fail(GrpcCode.Unimplemented, "the call has no request message; exactly one is required") : Fail(GrpcCode.Internal, "the request ends within a message prefix");

        ReadPrefix(read.Buffer, out var flag, out var length);
        reader.AdvanceTo(read.Buffer.GetPosition(PrefixBytes));
        if (flag > 1)
            return Fail(GrpcCode.Internal, $"the compressed flag is {flag}; it must be 0 or 1");
        ContentCoding? coding = null;
        if (flag == 1 && !ContentCoding.TryFind(encoding, out coding))
            return Fail(GrpcCode.Unimplemented, $"grpc-encoding '{(encoding.Length > 64 ? encoding[..64] : encoding)}' is not supported; use {ContentCoding.Allowed}");
        if (flag == 1 && coding is null)
            return Fail(GrpcCode.Internal, "the message is flagged as compressed, but grpc-encoding names no compression");
        return length > limit ? (default, TooLarge(limit)) : (new(reader, coding, length) { ExactLength = (int)length }, null);

        static (SentBody, RpcStatus?) Fail(GrpcCode code, string message) => (default, new((int)code, message));
    }

    /// <summary>The answer to a call whose message could not be read.</summary>
    /// <param name="status">Why not.</param>
    /// <param name="sentBytes">How many bytes of it arrived.</param>
    /// <param name="message">The message, as its prefix describes it.</param>
    /// <param name="limit">The most bytes that it may have.</param>
    public static RpcStatus Problem(BodyStatus status, int sentBytes, in SentBody message, int limit) => status switch
    {
        BodyStatus.TooLarge => TooLarge(limit),
        BodyStatus.Longer => new((int)GrpcCode.Unimplemented, "the call has more than one request message; only one is allowed"),
        BodyStatus.Shorter => new((int)GrpcCode.Internal, $"the request ends after {sentBytes} of {message.ExactLength} bytes of its message"),
        _ => new((int)GrpcCode.Internal, RequestBody.Problem("message", message.Coding!, status)),
    };

    private static void ReadPrefix(in ReadOnlySequence<byte> sequence, out byte flag, out uint length)
    {
        Span<byte> prefix = stackalloc byte[PrefixBytes];
        sequence.Slice(0, PrefixBytes).CopyTo(prefix);
        flag = prefix[0];
        length = BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]);
    }

    private static RpcStatus TooLarge(int limit) =>
        new((int)GrpcCode.ResourceExhausted, $"the request message exceeds the maximum of {limit} bytes, compressed or uncompressed (max_recv_msg_size_mib). Send smaller batches, or raise the limit");
}
