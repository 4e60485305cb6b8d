using System.Buffers;
using System.Runtime.CompilerServices;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Core.Otlp.Json;

namespace OrleansTempo.Server.Receivers;

/// <summary>
/// Brings a request's body into one <see cref="RequestBuffer"/>. Bytes are copied once, from the blocks Kestrel received
/// them in. A compressed body is received as it is, up to the limit for its content, so that an endless body of nothing is refused; then it is decompressed
/// into a second buffer, and given up at the limit, so a bomb costs what any other request of the largest size costs.
/// </summary>
internal static class RequestBody
{
    // A client can claim any Content-Length without sending a byte; beyond this the buffer grows with what has arrived.
    private const int TrustedLength = 1 << 20;

    private const int UnknownLength = 16 << 10;

    // Spans are usually compressed about this much; a wrong guess costs one copy.
    private const int UsualCompression = 8;
    private const int SmallestContent = 4 << 10;

    /// <summary>Reads a request's body to its end, decompresses it, and turns JSON into protobuf.</summary>
    /// <param name="memory">The memory that all requests share.</param>
    /// <param name="body">The body before it is read.</param>
    /// <param name="limit">The most bytes that it may have, as sent and decompressed.</param>
    /// <exception cref="RequestMemoryException">There is no room for it.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public static async ValueTask<ReceivedBody> ReceiveAsync(RequestMemory memory, SentBody body, int limit, CancellationToken cancellationToken)
    {
        RequestBuffer? buffer = memory.Rent((int)Math.Min(body.Length ?? UnknownLength, TrustedLength));
        try
        {
            var sentLimit = body.ExactLength ?? limit;
            while (true)
            {
                var read = await body.Reader.ReadAsync(cancellationToken);
                var sequence = read.Buffer;
                if (buffer.Length + sequence.Length > sentLimit)
                {
                    body.Reader.AdvanceTo(sequence.Start);
                    return new(null, body.ExactLength is null ? BodyStatus.TooLarge : BodyStatus.Longer, buffer.Length);
                }

                Append(buffer, sequence);
                body.Reader.AdvanceTo(sequence.End);
                if (read.IsCompleted)
                    break;
            }

            var sentBytes = buffer.Length;
            if (sentBytes < body.ExactLength)
                return new(null, BodyStatus.Shorter, sentBytes);
            if (body.Coding is { } coding)
            {
                var compressed = buffer;
                buffer = null;
                (var status, buffer) = Decompress(memory, coding, compressed, limit);
                if (buffer is null)
                    return new(null, status, sentBytes);
            }

            if (body.IsJson && buffer.Length > 0)
            {
                var text = buffer;
                buffer = null;
                (buffer, var error) = FromJson(memory, text);
                if (buffer is null)
                    return new(null, BodyStatus.WrongJson, sentBytes, error);
            }

            var owned = buffer;
            buffer = null;
            return new(owned, BodyStatus.Complete, sentBytes);
        }
        finally
        {
            buffer?.Return();
        }
    }

    /// <summary>The content of a compressed body.</summary>
    /// <param name="memory">Where there is room for it.</param>
    /// <param name="coding">How it is compressed.</param>
    /// <param name="compressed">All of the body; given back in any case.</param>
    /// <param name="limit">The most bytes that the content may have.</param>
    /// <returns>How it ended, and the content, which is the caller's; null where there is none.</returns>
    /// <exception cref="RequestMemoryException">There is no room for it.</exception>
    public static (BodyStatus Status, RequestBuffer? Content) Decompress(RequestMemory memory, ContentCoding coding, RequestBuffer compressed, int limit)
    {
        RequestBuffer? content = null;
        var status = BodyStatus.Undecodable;
        try
        {
            content = memory.Rent((int)Math.Clamp(compressed.Length * (long)UsualCompression, SmallestContent, TrustedLength));
            status = coding.Decompress(compressed, content, limit);
            return (status, status == BodyStatus.Complete ? content : null);
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            return (BodyStatus.Undecodable, null);
        }
        finally
        {
            compressed.Return();
            if (status != BodyStatus.Complete)
                content?.Return();
        }
    }

    /// <summary>What is wrong with compressed data that could not be decompressed, in a sentence.</summary>
    /// <param name="what">What was compressed.</param>
    public static string Problem(string what, ContentCoding coding, BodyStatus status) => status == BodyStatus.WindowTooLarge
        ? $"the {what} is {coding.Name} data with a window of more than {ZstdBody.MaxWindowBytes >> 20} MiB; compress it at a lower level, or without long mode"
        : $"the {what} is not valid {coding.Name} data, or it is truncated";

    /// <summary>Appends all of <paramref name="stream"/> to <paramref name="buffer"/>.</summary>
    /// <returns>False where that is more than <paramref name="limit"/> bytes.</returns>
    public static bool TryFill(RequestBuffer buffer, Stream stream, int limit)
    {
        // One byte past the limit tells a body of exactly the limit from a larger one.
        var most = (int)Math.Min(limit + 1L, Array.MaxLength);
        while (buffer.Length < most)
        {
            var target = buffer.GetMemory(1).Span;
            var count = stream.Read(target.Length > most - buffer.Length ? target[..(most - buffer.Length)] : target);
            if (count == 0)
                return true;
            buffer.Length += count;
        }

        return buffer.Length <= limit;
    }

    private static void Append(RequestBuffer buffer, in ReadOnlySequence<byte> sequence)
    {
        var length = (int)sequence.Length;
        if (length == 0)
            return;
        sequence.CopyTo(buffer.GetMemory(length).Span);
        buffer.Length += length;
    }

    // The text is given back in any case.
    private static (RequestBuffer? Content, string Error) FromJson(RequestMemory memory, RequestBuffer text)
    {
        RequestBuffer? content = null;
        var isRead = false;
        try
        {
            content = memory.Rent(text.Length);
            isRead = OtlpJsonReader.TryRead(text.Bytes, content, out var error);
            return (isRead ? content : null, error);
        }
        finally
        {
            text.Return();
            if (!isRead)
                content?.Return();
        }
    }
}
