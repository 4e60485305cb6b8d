using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using OrleansTempo.Core.Otlp.Buffers;

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

    // Spans are usually compressed about this much; a wrong guess costs one copy.
    private const int UsualCompression = 8;
    private const int SmallestContent = 4 << 10;

    /// <summary>A buffer for a body of <paramref name="length"/> bytes, or of unknown length where it is null.</summary>
    public static RequestBuffer RentFor(RequestMemory memory, long? length) => memory.Rent((int)Math.Min(length ?? 16 << 10, TrustedLength));

    /// <summary>Appends all of <paramref name="reader"/> to <paramref name="buffer"/>, up to <paramref name="limit"/> bytes in it.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public static async ValueTask<BodyStatus> ReadAsync(PipeReader reader, RequestBuffer buffer, int limit, CancellationToken cancellationToken)
    {
        while (true)
        {
            var read = await reader.ReadAsync(cancellationToken);
            var sequence = read.Buffer;
            if (buffer.Length + sequence.Length > limit)
            {
                reader.AdvanceTo(sequence.Start);
                return BodyStatus.TooLarge;
            }

            Append(buffer, sequence);
            reader.AdvanceTo(sequence.End);
            if (read.IsCompleted)
                return BodyStatus.Complete;
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
        : $"the {what} is not complete {coding.Name} data";

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

    /// <summary>Copies a sequence to the end of the buffer.</summary>
    public static void Append(RequestBuffer buffer, in ReadOnlySequence<byte> sequence)
    {
        var length = (int)sequence.Length;
        if (length == 0)
            return;
        sequence.CopyTo(buffer.GetMemory(length).Span);
        buffer.Length += length;
    }
}
