using System.Buffers;
using System.Text.Json;

namespace OrleansTempo.Core.Blocks.List;

/// <summary>Writes and reads <c>broken.json</c>. Only its presence matters: an unreadable one sets the block aside just the same.</summary>
internal static class BrokenBlockJson
{
    public static ReadOnlyMemory<byte> Write(BrokenBlock block)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteString("reason", block.Reason);
            json.WriteString("setAsideAt", block.SetAsideAt.UtcDateTime);
            json.WriteEndObject();
        }

        return buffer.WrittenMemory;
    }

    /// <param name="json">The object's bytes.</param>
    /// <param name="blockId">The block that it belongs to.</param>
    /// <param name="lastModified">The time to use if it holds none.</param>
    public static BrokenBlock Read(ReadOnlyMemory<byte> json, Guid blockId, DateTimeOffset lastModified)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var root = document.RootElement;
            return new BrokenBlock(
                blockId,
                root.GetProperty("reason").GetString() ?? "",
                root.GetProperty("setAsideAt").TryGetDateTimeOffset(out var at) ? at : lastModified);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            return new BrokenBlock(blockId, "its broken.json cannot be read: " + e.Message, lastModified);
        }
    }
}

/// <summary>A block that was set aside: it exists, but is not read.</summary>
/// <param name="BlockId">The block's ID.</param>
/// <param name="Reason">What is wrong with it.</param>
/// <param name="SetAsideAt">When that was found.</param>
public sealed record BrokenBlock(Guid BlockId, string Reason, DateTimeOffset SetAsideAt);
