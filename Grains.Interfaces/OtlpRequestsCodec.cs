using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Orleans.Serialization;
using Orleans.Serialization.Buffers;
using Orleans.Serialization.Cloning;
using Orleans.Serialization.Codecs;
using Orleans.Serialization.WireProtocol;

namespace OrleansTempo.Grains.Interfaces;

/// <summary>
/// Serialises <see cref="OtlpRequests"/> between processes: a length, the number of requests, and each request prefixed with its length. Within a
/// silo they are passed by reference.
/// </summary>
[RegisterSerializer, RegisterCopier]
internal sealed class OtlpRequestsCodec : IFieldCodec<OtlpRequests>, IDeepCopier<OtlpRequests>
{
    public void WriteField<TBufferWriter>(ref Writer<TBufferWriter> writer, uint fieldIdDelta, Type? expectedType, OtlpRequests? value)
        where TBufferWriter : IBufferWriter<byte>
    {
        if (ReferenceCodec.TryWriteReferenceField(ref writer, fieldIdDelta, expectedType, value))
            return;
        writer.WriteFieldHeader(fieldIdDelta, expectedType, typeof(OtlpRequests), WireType.LengthPrefixed);
        var length = sizeof(int);
        foreach (var bytes in value!.Bytes)
            length += sizeof(int) + bytes.Length;
        writer.WriteVarUInt32((uint)length);
        writer.WriteInt32(value.Count);
        foreach (var bytes in value!.Bytes)
        {
            writer.WriteInt32(bytes.Length);
            writer.Write(bytes.Span);
        }
    }

    public OtlpRequests ReadValue<TInput>(ref Reader<TInput> reader, Field field)
    {
        if (field.WireType == WireType.Reference)
            return ReferenceCodec.ReadReference<OtlpRequests, TInput>(ref reader, field)!;
        field.EnsureWireType(WireType.LengthPrefixed);
        var place = ReferenceCodec.CreateRecordPlaceholder(reader.Session);
        var left = (long)reader.ReadVarUInt32();
        reader.EnsureAvailable((uint)left);
        var count = reader.ReadInt32();
        left -= sizeof(int);
        var requests = new List<ReadOnlyMemory<byte>>();
        for (var i = 0; i < count; i++)
        {
            var length = reader.ReadInt32();
            left -= sizeof(int) + (long)length;
            if (length < 0 || left < 0)
                throw new InvalidDataException($"request {i} of {count} claims {length} bytes, more than are left");
            var bytes = new byte[length];
            reader.ReadBytes(bytes);
            requests.Add(bytes);
        }

        if (left != 0)
            throw new InvalidDataException($"{left} bytes follow the last of {count} requests");
        var value = new OtlpRequests(requests);
        ReferenceCodec.RecordObject(reader.Session, value, place);
        return value;
    }

    [return: NotNullIfNotNull(nameof(input))]
    public OtlpRequests? DeepCopy(OtlpRequests? input, CopyContext context) => input;
}
