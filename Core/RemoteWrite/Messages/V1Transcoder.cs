using System.Buffers;
using OrleansTempo.Core.Generator.Samples;
using Snappier;
using static OrleansTempo.Core.ProtoWire;

namespace OrleansTempo.Core.RemoteWrite.Messages;

/// <summary>
/// Converts one of our remote write 2.0 requests to 1.0, for a remote end that turns out not to know 2.0. It drops what 1.0 has no
/// field for: when a series started, and its metadata, which <see cref="MetadataRequest"/> sends instead.
/// </summary>
internal static class V1Transcoder
{
    // Request
    private const int Symbols = 4;
    private const int Timeseries = 5;

    // Request.timeseries, and their equivalents in 1.0
    private const int LabelsRefs = 1;
    private const int Samples = 2;
    private const int Histograms = 3;
    private const int Exemplars = 4;
    private const byte V1TimeseriesTag = 0x0A;
    private const byte V1SamplesTag = 0x12;
    private const byte V1ExemplarsTag = 0x1A;
    private const byte V1HistogramsTag = 0x22;

    private const int SampleStartTimestamp = 3;
    private const int HistogramStartTimestamp = 17;

    /// <returns>The converted request; the same request if it is 1.0 already.</returns>
    /// <exception cref="InvalidDataException">The body is not a 2.0 request.</exception>
    public static RemoteWriteRequest Transcode(RemoteWriteRequest request)
    {
        if (request.Protocol == RemoteWriteProtocol.V1)
            return request;

        var buffer = ArrayPool<byte>.Shared.Rent(LengthOf(request.Body.Span));
        try
        {
            return Transcode(request, buffer.AsSpan(0, Decompress(request.Body.Span, buffer)));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static RemoteWriteRequest Transcode(RemoteWriteRequest request, ReadOnlySpan<byte> raw)
    {
        var symbols = new List<(int Start, int Length)>();
        for (var fields = new MessageFields(raw); fields.MoveNext();)
        {
            if (fields.Number != Symbols)
                continue;
            raw.Overlaps(fields.Content, out var start);
            symbols.Add((start, fields.Content.Length));
        }

        var message = new ArrayBufferWriter<byte>(raw.Length * 2);
        var series = new ArrayBufferWriter<byte>(1024);
        for (var fields = new MessageFields(raw); fields.MoveNext();)
        {
            if (fields.Number != Timeseries)
                continue;
            series.ResetWrittenCount();
            WriteSeries(series, fields.Content, raw, symbols);
            WriteMessage(message, V1TimeseriesTag, series.WrittenSpan);
        }

        return request with
        {
            Protocol = RemoteWriteProtocol.V1,
            Body = WriteRequestEncoder.Compress(message.WrittenSpan),
            RawBytes = message.WrittenCount,
        };
    }

    // A copy of 64 bytes takes three: a body that claims more than that is damaged, and must not have the memory.
    private static int LengthOf(ReadOnlySpan<byte> body)
    {
        try
        {
            if (Snappy.GetUncompressedLength(body) is var length and >= 0 && length <= body.Length * 64L)
                return length;
        }
        catch (InvalidDataException e)
        {
            throw Damaged(e);
        }

        throw Damaged();
    }

    private static int Decompress(ReadOnlySpan<byte> body, byte[] buffer)
    {
        try
        {
            return Snappy.Decompress(body, buffer);
        }
        catch (Exception e) when (e is InvalidDataException or ArgumentException)
        {
            throw Damaged(e);
        }
    }

    private static InvalidDataException Damaged(Exception? cause = null) => new("a queued remote write request is corrupt" + (cause is null ? "" : ": " + cause.Message), cause);

    private static void WriteSeries(ArrayBufferWriter<byte> target, ReadOnlySpan<byte> series, ReadOnlySpan<byte> raw, List<(int Start, int Length)> symbols)
    {
        var part = new ArrayBufferWriter<byte>(256);
        for (var fields = new MessageFields(series); fields.MoveNext();)
        {
            part.ResetWrittenCount();
            switch (fields.Number)
            {
                case LabelsRefs:
                    WriteLabels(target, fields.Content, raw, symbols);
                    break;
                case Samples:
                    Copy(part, fields.Content, SampleStartTimestamp);
                    WriteMessage(target, V1SamplesTag, part.WrittenSpan);
                    break;
                case Histograms:
                    Copy(part, fields.Content, HistogramStartTimestamp);
                    WriteMessage(target, V1HistogramsTag, part.WrittenSpan);
                    break;
                case Exemplars:
                    WriteExemplar(part, fields.Content, raw, symbols);
                    WriteMessage(target, V1ExemplarsTag, part.WrittenSpan);
                    break;
            }
        }
    }

    private static void WriteExemplar(ArrayBufferWriter<byte> target, ReadOnlySpan<byte> exemplar, ReadOnlySpan<byte> raw, List<(int Start, int Length)> symbols)
    {
        for (var fields = new MessageFields(exemplar); fields.MoveNext();)
        {
            if (fields.Number == LabelsRefs)
                WriteLabels(target, fields.Content, raw, symbols);
            else
                target.Write(fields.Whole);
        }
    }

    private static void WriteLabels(ArrayBufferWriter<byte> target, ReadOnlySpan<byte> refs, ReadOnlySpan<byte> raw, List<(int Start, int Length)> symbols)
    {
        while (MessageFields.TryReadPacked(ref refs, out var name))
        {
            if (!MessageFields.TryReadPacked(ref refs, out var value))
                throw new InvalidDataException("a label has a name but no value");
            target.Write(LabelSet.EncodeLabel(Symbol(name, raw, symbols), Symbol(value, raw, symbols)));
        }
    }

    private static ReadOnlySpan<byte> Symbol(ulong number, ReadOnlySpan<byte> raw, List<(int Start, int Length)> symbols) => number < (ulong)symbols.Count
        ? raw.Slice(symbols[(int)number].Start, symbols[(int)number].Length)
        : throw new InvalidDataException($"symbol {number} of {symbols.Count}");

    // The other fields have the same numbers and types in both versions.
    private static void Copy(ArrayBufferWriter<byte> target, ReadOnlySpan<byte> message, int without)
    {
        for (var fields = new MessageFields(message); fields.MoveNext();)
        {
            if (fields.Number != without)
                target.Write(fields.Whole);
        }
    }

    private static void WriteMessage(ArrayBufferWriter<byte> target, byte tag, ReadOnlySpan<byte> message)
    {
        var head = target.GetSpan(1 + VarintLength((ulong)message.Length));
        var length = 0;
        head[length++] = tag;
        WriteVarint(head, ref length, (ulong)message.Length);
        target.Advance(length);
        target.Write(message);
    }
}
