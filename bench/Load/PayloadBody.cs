using System.Buffers.Binary;
using System.Runtime.Intrinsics;

namespace OrleansTempo.Bench.Load;

/// <summary>A copy of a template that is refreshed in place before each use: new trace IDs, and the newest span ends now.</summary>
/// <param name="template">The recorded request.</param>
/// <param name="bytes">An array that starts with a copy of its bytes.</param>
internal sealed class PayloadBody(PayloadTemplate template, byte[] bytes)
{
    private ulong _newestEnd = template.NewestEnd;

    public PayloadBody(PayloadTemplate template) : this(template, [.. template.Bytes])
    {
    }

    public PayloadTemplate Template => template;

    public byte[] Bytes => bytes;

    public void Refresh(Random random)
    {
        // One mask for all keeps equal trace IDs equal and different ones different.
        var mask = Vector128.Create(random.NextInt64(), random.NextInt64()).AsByte();
        foreach (var offset in template.TraceIdOffsets)
            (Vector128.Create<byte>(bytes.AsSpan(offset, 16)) ^ mask).CopyTo(bytes, offset);

        var now = (ulong)(DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100;
        var shift = now - _newestEnd;
        _newestEnd = now;
        foreach (var offset in template.TimeOffsets)
        {
            var time = bytes.AsSpan(offset, 8);
            BinaryPrimitives.WriteUInt64LittleEndian(time, BinaryPrimitives.ReadUInt64LittleEndian(time) + shift);
        }
    }
}
