using System.Buffers.Binary;
using System.Runtime.Intrinsics;

namespace OrleansTempo.Bench.Load;

/// <summary>A copy of a template for one connection, made new in place before each send: other trace IDs, and the newest span ends now.</summary>
internal sealed class PayloadBody(PayloadTemplate template)
{
    private readonly byte[] _bytes = [.. template.Bytes];
    private ulong _newestEnd = template.NewestEnd;

    public PayloadTemplate Template => template;

    public byte[] Bytes => _bytes;

    public void Refresh(Random random)
    {
        // The same mask for all keeps equal trace IDs equal and different ones different.
        var mask = Vector128.Create(random.NextInt64(), random.NextInt64()).AsByte();
        var bytes = _bytes.AsSpan();
        foreach (var offset in template.TraceIdOffsets)
            (Vector128.Create<byte>(bytes.Slice(offset, 16)) ^ mask).CopyTo(bytes[offset..]);

        var now = (ulong)(DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100;
        var shift = now - _newestEnd;
        _newestEnd = now;
        foreach (var offset in template.TimeOffsets)
        {
            var time = bytes.Slice(offset, 8);
            BinaryPrimitives.WriteUInt64LittleEndian(time, BinaryPrimitives.ReadUInt64LittleEndian(time) + shift);
        }
    }
}
