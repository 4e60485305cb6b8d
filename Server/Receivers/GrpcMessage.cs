using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Server.Receivers;

/// <summary>
/// The one message of a unary call: either its bytes, or the status that says why there are none.
/// <code>
/// 1 byte   compressed?
/// 4 bytes  length, big-endian
/// n bytes  message                 then the end of the stream
/// </code>
/// </summary>
/// <param name="Bytes">The message, decompressed; whoever reads it owns it. Null on failure.</param>
/// <param name="Failure">Why there is no message; meaningless where there is one.</param>
internal readonly record struct GrpcMessage(RequestBuffer? Bytes, RpcStatus Failure)
{
    public const int PrefixBytes = 5;

    /// <summary>The compressions that are taken, as <c>grpc-accept-encoding</c> has them.</summary>
    public static string AcceptEncoding { get; } = $"{ContentCoding.Identity},{ContentCoding.Header.Replace(" ", "", StringComparison.Ordinal)}";

    /// <summary>Reads the message of a call; <paramref name="encoding"/> is the call's <c>grpc-encoding</c>, empty for none.</summary>
    /// <exception cref="RequestMemoryException">There is no room for it.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public static async ValueTask<GrpcMessage> ReadAsync(PipeReader reader, string encoding, int limit, RequestMemory memory, CancellationToken cancellationToken)
    {
        var read = await reader.ReadAtLeastAsync(PrefixBytes, cancellationToken);
        if (read.Buffer.Length < PrefixBytes)
            return read.Buffer.IsEmpty ? Fail(GrpcCode.Unimplemented, "the call has no request message; one is needed") : Fail(GrpcCode.Internal, "the request ends within a message prefix");

        ReadPrefix(read.Buffer, out var flag, out var length);
        reader.AdvanceTo(read.Buffer.GetPosition(PrefixBytes));
        if (flag > 1)
            return Fail(GrpcCode.Internal, $"the compressed flag is {flag}; allowed are 0 and 1");
        ContentCoding? coding = null;
        if (flag == 1 && !ContentCoding.TryFind(encoding, out coding))
            return Fail(GrpcCode.Unimplemented, $"grpc-encoding '{(encoding.Length > 64 ? encoding[..64] : encoding)}' is not supported; allowed are {ContentCoding.Allowed}");
        if (flag == 1 && coding is null)
            return Fail(GrpcCode.Internal, "the message is flagged as compressed, but grpc-encoding names no compression");
        if (length > limit)
            return TooLarge(limit);

        RequestBuffer? buffer = RequestBody.RentFor(memory, length);
        try
        {
            if (await ReadBodyAsync(reader, buffer, (int)length, cancellationToken) is { } failure)
                return new(null, failure);
            if (coding is not null)
            {
                var compressed = buffer;
                buffer = null;
                (var status, buffer) = RequestBody.Decompress(memory, coding, compressed, limit);
                if (status == BodyStatus.TooLarge)
                    return TooLarge(limit);
                if (buffer is null)
                    return Fail(GrpcCode.Internal, RequestBody.Problem("message", coding, status));
            }

            var owned = buffer;
            buffer = null;
            return new(owned, default);
        }
        finally
        {
            buffer?.Return();
        }
    }

    /// <summary>Null where exactly the message was there and nothing after it.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private static async ValueTask<RpcStatus?> ReadBodyAsync(PipeReader reader, RequestBuffer buffer, int length, CancellationToken cancellationToken)
    {
        while (true)
        {
            var read = await reader.ReadAsync(cancellationToken);
            var sequence = read.Buffer;
            var excess = buffer.Length + sequence.Length - length;
            RequestBody.Append(buffer, excess > 0 ? sequence.Slice(0, length - buffer.Length) : sequence);
            reader.AdvanceTo(sequence.End);
            if (excess > 0)
                return new((int)GrpcCode.Unimplemented, "the call has more than one request message; one is allowed");
            if (read.IsCompleted)
                return excess == 0 ? null : new((int)GrpcCode.Internal, $"the request ends after {buffer.Length} of {length} bytes of its message");
        }
    }

    private static void ReadPrefix(in ReadOnlySequence<byte> sequence, out byte flag, out uint length)
    {
        Span<byte> prefix = stackalloc byte[PrefixBytes];
        sequence.Slice(0, PrefixBytes).CopyTo(prefix);
        flag = prefix[0];
        length = BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]);
    }

    private static GrpcMessage TooLarge(int limit) => Fail(GrpcCode.ResourceExhausted, $"the request message is larger than {limit} bytes, the most that max_recv_msg_size_mib allows it, compressed or not. Send smaller batches, or raise it");

    private static GrpcMessage Fail(GrpcCode code, string message) => new(null, new((int)code, message));
}
