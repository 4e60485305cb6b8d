using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using OrleansTempo.Core.Otlp;

namespace OrleansTempo.Server.Receivers;

/// <summary>
/// Brings a request's body into one <see cref="RequestBuffer"/>. Bytes are copied once, from the blocks Kestrel received
/// them in; compressed bodies are inflated straight into the buffer and given up at the limit, so a bomb costs what any
/// other request of the largest size costs.
/// </summary>
internal static class RequestBody
{
    // A client can claim any Content-Length without sending a byte; beyond this the buffer grows with what has arrived.
    private const int TrustedLength = 1 << 20;

    // Zipped spans unfold about this much; a wrong guess costs one copy.
    private const int UsualCompression = 8;

    /// <summary>A buffer for a body of <paramref name="length"/> bytes, or of unknown length where it is null.</summary>
    public static RequestBuffer RentFor(RequestMemory memory, long? length) => memory.Rent((int)Math.Min(length ?? 16 << 10, TrustedLength));

    /// <summary>A buffer for a compressed body of <paramref name="length"/> bytes, or of unknown length where it is null.</summary>
    public static RequestBuffer RentForCompressed(RequestMemory memory, long? length) => memory.Rent((int)Math.Clamp((length ?? 8 << 10) * UsualCompression, 4 << 10, TrustedLength));

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

    /// <summary>Whether <see cref="InflateAsync"/> knows a <c>Content-Encoding</c>.</summary>
    public static bool CanInflate(string encoding) => IsGzip(encoding) || string.Equals(encoding, "deflate", StringComparison.OrdinalIgnoreCase);

    /// <summary>
    /// Fills the empty <paramref name="buffer"/> with what <paramref name="compressed"/> unfolds to, up to <paramref name="limit"/>
    /// bytes. <c>deflate</c> is zlib, as RFC 9110 has it; bare deflate data is refused as undecodable rather than guessed at.
    /// </summary>
    public static async ValueTask<BodyStatus> InflateAsync(string encoding, Stream compressed, RequestBuffer buffer, int limit, CancellationToken cancellationToken)
    {
        var body = new CompressedBody(compressed, IsGzip(encoding));
        await using var content = body.Open();
        try
        {
            // One byte past the limit tells a body of exactly the limit from a larger one.
            var most = (int)Math.Min((long)limit + body.Marker.Length + 1, Array.MaxLength);
            while (buffer.Length < most)
            {
                var memory = buffer.GetMemory(1);
                var count = await content.ReadAsync(memory.Length > most - buffer.Length ? memory[..(most - buffer.Length)] : memory, cancellationToken);
                if (count == 0)
                    break;
                buffer.Length += count;
            }
        }
        catch (InvalidDataException)
        {
            return BodyStatus.Undecodable;
        }

        if (buffer.Length - body.Marker.Length > limit)
            return BodyStatus.TooLarge;
        if (!body.IsWhole(buffer.Bytes))
            return BodyStatus.Undecodable;
        buffer.Length -= body.Marker.Length;
        return BodyStatus.Complete;
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

    private static bool IsGzip(string encoding) => string.Equals(encoding, "gzip", StringComparison.OrdinalIgnoreCase);
}
