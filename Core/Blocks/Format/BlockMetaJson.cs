using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;
using OrleansTempo.Core.Blocks.List;

namespace OrleansTempo.Core.Blocks.Format;

/// <summary>
/// Writes and reads <c>meta.json</c> and <c>meta.compacted.json</c>. Unknown members are skipped: a later version may add some without a new format
/// version.
/// </summary>
public static class BlockMetaJson
{
    public static ReadOnlyMemory<byte> Write(BlockMeta meta) => Write(meta, null);

    public static ReadOnlyMemory<byte> Write(CompactedBlock block) => Write(block.Meta, block);

    /// <summary>Reads the meta of this block; on failure, <paramref name="error"/> says what is wrong.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> json, TenantId tenant, Guid blockId, [NotNullWhen(true)] out BlockMeta? meta, [NotNullWhen(false)] out BlockMetaError? error)
    {
        meta = null;
        return TryRead(json, root => ReadMeta(root, tenant, blockId), out meta, out error);
    }

    /// <summary>Reads the compaction mark of this block; on failure, <paramref name="error"/> says what is wrong.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> json, TenantId tenant, Guid blockId, [NotNullWhen(true)] out CompactedBlock? block, [NotNullWhen(false)] out BlockMetaError? error) =>
        TryRead(
            json,
            root => new CompactedBlock(
                ReadMeta(root, tenant, blockId),
                Time(root, "compactedAt"),
                root.TryGetProperty("mergedInto", out var into) ? Id(into, "mergedInto") : null),
            out block,
            out error);

    private static ReadOnlyMemory<byte> Write(BlockMeta meta, CompactedBlock? compacted)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteNumber("formatVersion", meta.FormatVersion);
            json.WriteString("blockId", meta.BlockId);
            json.WriteString("tenant", meta.Tenant.Value);
            json.WriteString("startTime", meta.StartTime.UtcDateTime);
            json.WriteString("endTime", meta.EndTime.UtcDateTime);
            json.WriteNumber("traces", meta.Traces);
            json.WriteNumber("spans", meta.Spans);
            json.WriteNumber("sizeBytes", meta.SizeBytes);
            json.WriteNumber("footerOffset", meta.FooterOffset);
            json.WriteNumber("compactionLevel", meta.CompactionLevel);
            json.WriteString("receivedUntil", meta.ReceivedUntil.UtcDateTime);
            json.WriteString("createdAt", meta.CreatedAt.UtcDateTime);
            if (compacted is not null)
            {
                json.WriteString("compactedAt", compacted.CompactedAt.UtcDateTime);
                if (compacted.MergedInto is { } into)
                    json.WriteString("mergedInto", into);
            }

            json.WriteEndObject();
        }

        return buffer.WrittenMemory;
    }

    private static bool TryRead<T>(ReadOnlyMemory<byte> json, Func<JsonElement, T> read, [NotNullWhen(true)] out T? value, [NotNullWhen(false)] out BlockMetaError? error)
        where T : class
    {
        value = null;
        error = null;
        try
        {
            using var document = JsonDocument.Parse(json);
            value = read(document.RootElement);
            return true;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The second exception comes from a string that is not valid UTF-8.
            error = new(e.Message, false);
        }
        catch (InvalidMeta refusal)
        {
            error = new(refusal.Message, refusal.IsNewer);
        }

        return false;
    }

    private static BlockMeta ReadMeta(JsonElement root, TenantId tenant, Guid blockId)
    {
        if (root.ValueKind != JsonValueKind.Object)
            throw new InvalidMeta($"expected an object, found {root.ValueKind}");

        // Checked first: a newer version may give the other members another meaning.
        var version = Number(root, "formatVersion", 1, int.MaxValue);
        if (version > BlockMeta.CurrentFormatVersion)
            throw new InvalidMeta($"formatVersion is {version}, but this program reads up to {BlockMeta.CurrentFormatVersion}; run the newer version that wrote it", isNewer: true);

        var meta = new BlockMeta
        {
            FormatVersion = (int)version,
            BlockId = Id(Member(root, "blockId"), "blockId"),
            Tenant = TenantId.TryParse(Text(root, "tenant"), out var read, out var wrong) ? read : throw new InvalidMeta($"tenant: {wrong}"),
            StartTime = Time(root, "startTime"),
            EndTime = Time(root, "endTime"),
            Traces = Number(root, "traces", 0, long.MaxValue),
            Spans = Number(root, "spans", 0, long.MaxValue),
            SizeBytes = Number(root, "sizeBytes", 1, long.MaxValue),
            FooterOffset = Number(root, "footerOffset", 0, long.MaxValue),
            CompactionLevel = (int)Number(root, "compactionLevel", 0, int.MaxValue - 1),
            ReceivedUntil = Time(root, "receivedUntil"),
            CreatedAt = Time(root, "createdAt"),
        };

        if (meta.BlockId != blockId)
            throw new InvalidMeta($"blockId is {meta.BlockId}, the ID of another block");
        if (meta.Tenant != tenant)
            throw new InvalidMeta($"tenant is '{meta.Tenant}', which is another tenant");
        if (meta.StartTime > meta.EndTime)
            throw new InvalidMeta($"startTime {meta.StartTime:O} is after endTime {meta.EndTime:O}");
        if (meta.Traces > meta.Spans)
            throw new InvalidMeta($"traces ({meta.Traces}) is more than spans ({meta.Spans})");
        if (meta.FooterOffset >= meta.SizeBytes)
            throw new InvalidMeta($"footerOffset {meta.FooterOffset} is not within sizeBytes {meta.SizeBytes}");
        return meta;
    }

    private static JsonElement Member(JsonElement root, string name) =>
        root.TryGetProperty(name, out var value) ? value : throw new InvalidMeta($"{name} is missing");

    private static string Text(JsonElement root, string name) =>
        Member(root, name) is { ValueKind: JsonValueKind.String } value ? value.GetString()! : throw new InvalidMeta($"{name} is not a string");

    private static long Number(JsonElement root, string name, long min, long max) =>
        Member(root, name) is { ValueKind: JsonValueKind.Number } value && value.TryGetInt64(out var number) && number >= min && number <= max
            ? number
            : throw new InvalidMeta($"{name} is not a whole number from {min} to {max}");

    private static Guid Id(JsonElement value, string name) =>
        value.ValueKind == JsonValueKind.String && value.TryGetGuid(out var id) ? id : throw new InvalidMeta($"{name} is not a block ID");

    private static DateTimeOffset Time(JsonElement root, string name) =>
        DateTimeOffset.TryParseExact(Text(root, name), "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
            ? time
            : throw new InvalidMeta($"{name} is not a time like 2026-01-31T23:59:59.9999999Z");

    private sealed class InvalidMeta(string message, bool isNewer = false) : Exception(message)
    {
        public bool IsNewer { get; } = isNewer;
    }
}

/// <summary>Why a <c>meta.json</c> cannot be used.</summary>
/// <param name="Message">What is wrong with which member.</param>
/// <param name="IsNewer">Whether the only problem is a format version that needs a newer program.</param>
public sealed record BlockMetaError(string Message, bool IsNewer);
