using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Orleans.Serialization;
using Orleans.Serialization.Buffers;
using Orleans.Serialization.Cloning;
using Orleans.Serialization.Codecs;
using Orleans.Serialization.WireProtocol;
using OrleansTempo.Core.Otlp.Buffers;

namespace OrleansTempo.Grains.Interfaces;

/// <summary>
/// Serialises a <see cref="SpanPayload"/> between silos: a length, a byte of flags, and an <c>ExportTraceServiceRequest</c>. Within a silo it is
/// passed by reference. A later version may set new flags only if versions that ignore them still read the spans correctly.
/// </summary>
[RegisterSerializer, RegisterCopier]
internal sealed class SpanPayloadCodec : IFieldCodec<SpanPayload>, IDeepCopier<SpanPayload>
{
    private const byte Replayed = 1;

    public void WriteField<TBufferWriter>(ref Writer<TBufferWriter> writer, uint fieldIdDelta, Type? expectedType, SpanPayload? value)
        where TBufferWriter : IBufferWriter<byte>
    {
        if (ReferenceCodec.TryWriteReferenceField(ref writer, fieldIdDelta, expectedType, value))
            return;
        writer.WriteFieldHeader(fieldIdDelta, expectedType, typeof(SpanPayload), WireType.LengthPrefixed);
        var bytes = value!.Encode();
        writer.WriteVarUInt32((uint)(bytes.Count + 1));
        writer.WriteByte(value.IsReplayed ? Replayed : (byte)0);
        writer.Write(bytes);
        ArrayPool<byte>.Shared.Return(bytes.Array!);
    }

    public SpanPayload ReadValue<TInput>(ref Reader<TInput> reader, Field field)
    {
        if (field.WireType == WireType.Reference)
            return ReferenceCodec.ReadReference<SpanPayload, TInput>(ref reader, field)!;
        field.EnsureWireType(WireType.LengthPrefixed);
        var place = ReferenceCodec.CreateRecordPlaceholder(reader.Session);
        var length = (int)reader.ReadVarUInt32() - 1;
        reader.EnsureAvailable((uint)(length + 1));
        var flags = reader.ReadByte();
        var buffer = RequestBuffer.RentUncounted(length);
        reader.ReadBytes(buffer.Array.AsSpan(0, length));
        buffer.Length = length;
        var payload = new SpanPayload(buffer, (flags & Replayed) != 0);
        ReferenceCodec.RecordObject(reader.Session, payload, place);
        return payload;
    }

    [return: NotNullIfNotNull(nameof(input))]
    public SpanPayload? DeepCopy(SpanPayload? input, CopyContext context) => input;
}
