using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Text;
using OrleansTempo.Core.Generator.NativeHistograms;
using OrleansTempo.Core.Generator.Registry;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.Generator.ServiceGraphs;
using OrleansTempo.Core.Generator.SpanMetrics;
using OrleansTempo.Core.Otlp.Reading;
using static OrleansTempo.Core.ProtoWire;

namespace OrleansTempo.Core.Generator.Snapshots;

/// <summary>
/// Writes and reads the snapshot with which a tenant's generator hands its series to the next; see <c>docs/generator-snapshot.md</c>.
/// <code>
/// ┌───────┬─────────┬────────┬───────┬────────────────────────────────┬───────┬───────────────────┬─────┬──────────┐
/// │ magic │ version │ whose  │ times │ table: metrics, entity, entity…│ table…│ edges, with texts │ end │ checksum │
/// └───────┴─────────┴────────┴───────┴────────────────────────────────┴───────┴───────────────────┴─────┴──────────┘
/// </code>
/// </summary>
internal static class GeneratorSnapshot
{
    private const byte Version = 2;

    // The number after those of MetricType.
    private const byte NativeHistogramType = 3;

    // No finite value has a bucket further from 0, and arithmetic on such indices does not overflow.
    private const int MaxBucketIndex = 1024 << NativeBuckets.MaxSchema;

    // The end mark, and the checksum of everything before it.
    private const int TrailerBytes = 8;

    // Marks a text that appears for the first time.
    private const int NewText = -2;

    // Far beyond any real time, and yet the sum of two of them does not overflow.
    private const long MaxTimeMs = 1L << 60;

    private static ReadOnlySpan<byte> Magic => "OTempGen"u8;

    // Must be as long as Magic.
    private static ReadOnlySpan<byte> ChangesMagic => "OTempChg"u8;

    private static ReadOnlySpan<byte> EndMark => ".end"u8;

    public static void Write(
        IBufferWriter<byte> output,
        TenantId tenant,
        GeneratorShard shard,
        SteadyClock clock,
        SeriesRegistry registry,
        EntityTable? spanMetrics,
        EntityTable? targetInfo,
        ServiceGraphsProcessor? serviceGraphs,
        EntityTable? hostInfo,
        bool onlyChanges = false)
    {
        var writer = new CompactWriter(output);
        writer.WriteBytes(onlyChanges ? ChangesMagic : Magic);
        writer.WriteByte(Version);
        writer.WriteText(Encoding.ASCII.GetBytes(tenant.Value));
        writer.WriteText(Encoding.ASCII.GetBytes(shard.ToString()));

        // Times of entities and edges are written as ages, so that the reader need not share this clock.
        var nowMs = clock.NowMs;
        var wallMs = nowMs + (long)clock.Ahead.TotalMilliseconds;
        writer.WriteUInt64((ulong)wallMs);
        WriteTime(writer, registry.LastCollectionMs, wallMs);
        if (onlyChanges)
            WriteTime(writer, registry.ChangesSinceMs, wallMs);

        (SnapshotPart Part, EntityTable? Table)[] tables =
        [
            (SnapshotPart.SpanMetrics, spanMetrics),
            (SnapshotPart.TargetInfo, targetInfo),
            (SnapshotPart.ServiceGraphs, serviceGraphs?.Table),
            .. registry.Retired.Select(t => (SnapshotPart.Retired, (EntityTable?)t)),
            (SnapshotPart.HostInfo, hostInfo),
        ];
        writer.WriteCount(tables.Count(t => t.Table is not null));
        foreach (var (part, table) in tables)
        {
            if (table is null)
                continue;
            writer.WriteByte((byte)part);
            if (onlyChanges)
            {
                WriteRemoved(writer, table);
                WriteTable(writer, table, ChangedSince(table, registry.TrackedFromMs), nowMs);
                continue;
            }

            writer.WriteCount(table.Formers.Count);
            WriteTable(writer, table, table.Entities, nowMs);
            foreach (var former in table.Formers)
                WriteTable(writer, former, former.Entities, nowMs);
        }

        writer.WriteByte(serviceGraphs is null ? (byte)0 : (byte)1);
        if (serviceGraphs is not null)
            WriteEdges(writer, serviceGraphs.Waiting, nowMs, wallMs);

        writer.WriteBytes(EndMark);
        Span<byte> checksum = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(checksum, writer.Flush());
        output.Write(checksum);
    }

    public static bool TryRead(
        ReadOnlySpan<byte> snapshot,
        TenantId tenant,
        GeneratorShard shard,
        long nowMs,
        [NotNullWhen(true)] out SnapshotContent? content,
        [NotNullWhen(false)] out string? reason,
        bool onlyChanges = false)
    {
        content = null;
        var magic = onlyChanges ? ChangesMagic : Magic;
        if (!snapshot.StartsWith(magic[..Math.Min(magic.Length, snapshot.Length)]) || snapshot.IsEmpty)
        {
            reason = $"these bytes are not a generator's {(onlyChanges ? "changes" : "snapshot")}";
            return false;
        }

        if (snapshot.Length > Magic.Length && snapshot[Magic.Length] != Version)
        {
            reason = $"the snapshot has version {snapshot[Magic.Length]}; only version {Version} is supported";
            return false;
        }

        if (snapshot.Length < Magic.Length + 1 + TrailerBytes || !snapshot[^TrailerBytes..].StartsWith(EndMark))
        {
            reason = $"the snapshot is cut short: {snapshot.Length} bytes without the end mark";
            return false;
        }

        if (Crc32C.Of(snapshot[..^sizeof(uint)]) != BinaryPrimitives.ReadUInt32LittleEndian(snapshot[^sizeof(uint)..]))
        {
            reason = "the snapshot is corrupt: its checksum does not match";
            return false;
        }

        try
        {
            content = Read(snapshot[(Magic.Length + 1)..^TrailerBytes], tenant, shard, nowMs, onlyChanges, out reason);
            return content is not null;
        }
        catch (InvalidDataException e)
        {
            reason = $"the snapshot is not valid: {e.Message}";
            return false;
        }
    }

    private static SnapshotContent? Read(ReadOnlySpan<byte> bytes, TenantId tenant, GeneratorShard shard, long nowMs, bool onlyChanges, out string? reason)
    {
        var reader = new CompactReader(bytes);
        var writtenFor = Encoding.ASCII.GetString(reader.ReadText());
        if (writtenFor != tenant.Value)
        {
            reason = $"the snapshot belongs to tenant {Shown(writtenFor)}, not to {tenant}";
            return null;
        }

        var ofShard = Encoding.ASCII.GetString(reader.ReadText());
        if (ofShard != shard.ToString())
        {
            reason = $"the snapshot belongs to shard {Shown(ofShard)}, not to {shard}";
            return null;
        }

        var wallMs = (long)reader.ReadUInt64();
        if (wallMs is < 0 or > MaxTimeMs)
            throw new InvalidDataException("a time is out of range");
        var lastCollectionMs = ReadTime(ref reader, wallMs);
        var sinceMs = onlyChanges ? ReadTime(ref reader, wallMs) : 0;

        // A snapshot from the future was written before the clock was set back. Nobody knows how long ago that was, so ages count as if it were now.
        nowMs = Math.Min(nowMs, wallMs);

        var tables = new List<SnapshotTable>();
        var former = -1;
        for (var left = reader.ReadCount(); left > 0; left--)
        {
            var part = reader.ReadByte();
            if (part > (byte)SnapshotPart.HostInfo || part < former || (part == former && part != (byte)SnapshotPart.Retired))
                throw new InvalidDataException($"part {part} follows part {former}");
            former = part;
            if (onlyChanges)
            {
                var (removed, hasOverflow) = ReadRemoved(ref reader);
                tables.Add(ReadTable(ref reader, (SnapshotPart)part, false, nowMs) with { Removed = removed, HasOverflow = hasOverflow });
                continue;
            }

            var formers = reader.ReadCount();
            for (var i = 0; i <= formers; i++)
                tables.Add(ReadTable(ref reader, (SnapshotPart)part, i > 0, nowMs));
        }

        var edges = reader.ReadByte() == 0 ? (WaitingEdges?)null : ReadEdges(ref reader, nowMs, wallMs);
        if (!reader.IsAtEnd)
            throw new InvalidDataException($"{reader.Left} unexpected bytes at the end");
        reason = null;
        return new SnapshotContent { LastCollectionMs = lastCollectionMs, SinceMs = sinceMs, Tables = tables, Edges = edges };
    }

    private static string Shown(string text) => text.Length <= TenantId.MaxLength ? text : text[..TenantId.MaxLength] + "…";

    private static ReadOnlySpan<Entity> ChangedSince(EntityTable table, long sinceMs)
    {
        var changed = new List<Entity>();
        foreach (var entity in table.Entities)
        {
            if (entity.LastUpdatedMs >= sinceMs || table.ChangedByCollection?.Contains(entity) == true)
                changed.Add(entity);
        }

        return CollectionsMarshal.AsSpan(changed);
    }

    private static void WriteRemoved(CompactWriter writer, EntityTable table)
    {
        writer.WriteByte(table.HasOverflow ? (byte)1 : (byte)0);
        var removed = table.Removed ?? [];
        writer.WriteCount(removed.Count);
        foreach (var labels in removed)
            writer.WriteText(labels.Encoded);
    }

    private static (IReadOnlyList<LabelSet> Removed, bool HasOverflow) ReadRemoved(ref CompactReader reader)
    {
        var hasOverflow = reader.ReadByte() != 0;
        var removed = new List<LabelSet>();
        for (var left = reader.ReadCount(); left > 0; left--)
            removed.Add(LabelSet.FromEncoded(reader.ReadText()));
        return (removed, hasOverflow);
    }

    private static void WriteTable(CompactWriter writer, EntityTable table, ReadOnlySpan<Entity> entities, long nowMs)
    {
        writer.WriteCount(table.Slots.Length);
        foreach (var slot in table.Slots)
        {
            writer.WriteByte(slot.Native is null ? (byte)slot.Type : NativeHistogramType);
            writer.WriteText(Encoding.UTF8.GetBytes(slot.Name.Family));
            if (slot.Native is not null)
            {
                writer.WriteVarint(ZigZag(slot.Native.Schema));
                continue;
            }

            if (slot.Type != MetricType.Histogram)
                continue;
            writer.WriteCount(slot.Bounds.Length);
            foreach (var bound in slot.Bounds)
                writer.WriteDouble(bound);
        }

        // The position of the overflow entity, counted from 1; 0 for none.
        var overflow = 0;
        for (var i = 0; i < entities.Length && overflow == 0; i++)
        {
            if (table.IsOverflow(entities[i]))
                overflow = i + 1;
        }

        writer.WriteCount(overflow);
        writer.WriteCount(entities.Length);
        foreach (var entity in entities)
        {
            writer.WriteText(entity.Labels.Encoded);
            WriteTime(writer, entity.LastUpdatedMs, nowMs);
            for (var slot = 0; slot < table.Slots.Length; slot++)
            {
                // The time a series was first seen matters only until it has been sent.
                if (entity.FirstSeenMs[slot] != 0 && entity.Collected[slot])
                    writer.WriteVarint(1);
                else
                    WriteTime(writer, entity.FirstSeenMs[slot], nowMs, reserved: 2);
            }

            foreach (var value in entity.Values)
                writer.WriteDouble(value);
            for (var slot = 0; slot < table.Slots.Length; slot++)
            {
                if (table.Slots[slot].Native is not null && entity.FirstSeenMs[slot] != 0)
                    WriteNative(writer, entity.Natives[table.Slots[slot].NativePosition]!, nowMs);
            }
        }
    }

    private static SnapshotTable ReadTable(ref CompactReader reader, SnapshotPart part, bool isFormer, long nowMs)
    {
        var slots = new List<MetricSlot>();
        for (var left = reader.ReadCount(); left > 0; left--)
            slots.Add(ReadSlot(ref reader));
        var (values, exemplars, natives) = MetricSlot.LayOut([.. slots]);

        var entities = new List<Entity>();
        Entity? overflow = null;
        var overflowAt = reader.ReadVarint();
        var count = reader.ReadCount();
        for (var i = 0; i < count; i++)
        {
            var labels = LabelSet.FromEncoded(reader.ReadText());
            var lastUpdatedMs = ReadTime(ref reader, nowMs);

            // Each value takes at least a byte; this is checked before memory is allocated.
            if (reader.Left < slots.Count + values)
                throw new InvalidDataException($"{slots.Count + values} values cannot fit into {reader.Left} bytes");
            var entity = new Entity([], (ulong)labels.GetHashCode(), labels, slots.Count, values, exemplars, natives) { LastUpdatedMs = lastUpdatedMs };
            for (var slot = 0; slot < slots.Count; slot++)
                (entity.FirstSeenMs[slot], entity.Collected[slot]) = ReadFirstSeen(ref reader, nowMs);
            for (var value = 0; value < values; value++)
                entity.Values[value] = ReadFinite(ref reader, otherwise: 0);
            for (var slot = 0; slot < slots.Count; slot++)
            {
                if (slots[slot].Native is { } native && entity.FirstSeenMs[slot] != 0)
                    entity.Natives[slots[slot].NativePosition] = ReadNative(ref reader, native.Schema, nowMs);
            }

            // An older version allowed such names. Remote ends reject them, together with everything else in the request.
            if (labels.HasInvalidName)
                continue;
            entities.Add(entity);
            if ((ulong)i + 1 == overflowAt)
                overflow = entity;
        }

        return new SnapshotTable(part, isFormer, [.. slots], entities, overflow);
    }

    private static MetricSlot ReadSlot(ref CompactReader reader)
    {
        var type = reader.ReadByte();
        var name = Encoding.UTF8.GetString(reader.ReadText());
        if (type == (byte)MetricType.Counter)
            return MetricSlot.Counter(name);
        if (type == (byte)MetricType.Gauge)
            return MetricSlot.Gauge(name);
        if (type == NativeHistogramType)
            return MetricSlot.NativeHistogram(name, new NativeHistogramSettings(ReadSchema(ref reader, NativeBuckets.MaxSchema), int.MaxValue, 0));
        if (type != (byte)MetricType.Histogram)
            throw new InvalidDataException($"a metric has the unknown type {type}");
        var bounds = new List<double>();
        for (var left = reader.ReadCount(); left > 0; left--)
            bounds.Add(reader.ReadDouble());
        var slot = MetricSlot.Histogram(name, bounds);
        return slot.Bounds.AsSpan().SequenceEqual(bounds.ToArray()) ? slot : throw new InvalidDataException("bucket bounds are not ascending");
    }

    private static void WriteNative(CompactWriter writer, NativeHistogram histogram, long nowMs)
    {
        writer.WriteVarint(ZigZag(histogram.Schema));
        writer.WriteDouble(histogram.Sum);
        writer.WriteVarint(histogram.ZeroCount);
        WriteTime(writer, histogram.StartedMs, nowMs);
        WriteTime(writer, histogram.ResetDueMs, nowMs);
        writer.WriteByte(histogram.IsReset ? (byte)1 : (byte)0);
        var indices = histogram.Indices;
        writer.WriteCount(indices.Length);
        for (var i = 0; i < indices.Length; i++)
        {
            writer.WriteVarint(ZigZag(i == 0 ? indices[0] : indices[i] - indices[i - 1]));
            writer.WriteVarint(histogram.Counts[i]);
        }
    }

    private static NativeHistogram ReadNative(ref CompactReader reader, int finest, long nowMs)
    {
        var schema = ReadSchema(ref reader, finest);
        var sum = ReadFinite(ref reader, otherwise: 0);
        var zeroCount = reader.ReadVarint();
        var startedMs = ReadTime(ref reader, nowMs);
        var resetDueMs = ReadTime(ref reader, nowMs);
        var isReset = reader.ReadByte() != 0;
        var indices = new int[reader.ReadCount()];
        var counts = new ulong[indices.Length];
        long index = 0;
        for (var i = 0; i < indices.Length; i++)
        {
            var step = UnZigZag(reader.ReadVarint());
            if (step is < -MaxBucketIndex or > 2 * MaxBucketIndex || (i > 0 && step <= 0) || Math.Abs(index += step) > MaxBucketIndex)
                throw new InvalidDataException($"a bucket is out of range: {step} after {index}");
            indices[i] = (int)index;
            counts[i] = reader.ReadVarint();
        }

        return NativeHistogram.Restore(schema, sum, zeroCount, indices, counts, startedMs, resetDueMs, isReset);
    }

    private static int ReadSchema(ref CompactReader reader, int finest) => UnZigZag(reader.ReadVarint()) is var schema and >= NativeBuckets.MinSchema && schema <= finest
        ? (int)schema
        : throw new InvalidDataException("a native histogram has an unknown schema");

    private static (long FirstSeenMs, bool Collected) ReadFirstSeen(ref CompactReader reader, long nowMs) => reader.ReadVarint() switch
    {
        0 => (0, false),
        1 => (1, true),
        var coded => (Time(coded - 2, nowMs), false),
    };

    private static void WriteEdges(CompactWriter writer, WaitingEdges waiting, long nowMs, long wallMs)
    {
        var (dimensions, edges, texts) = waiting;
        writer.WriteCount(dimensions.Count);
        foreach (var dimension in dimensions)
            writer.WriteText(Encoding.UTF8.GetBytes(dimension));

        // A text is written where it is needed first, and is a number from then on. 0 stands for no text.
        var sides = new Dictionary<int, int>();
        var peers = new Dictionary<int, int>();
        Span<byte> traceId = stackalloc byte[16];
        writer.WriteCount(edges.Count);
        for (var i = edges.Oldest; i != EdgeStore.None; i = edges[i].Newer)
        {
            ref readonly var edge = ref edges[i];
            BinaryPrimitives.WriteUInt128BigEndian(traceId, edge.TraceId);
            writer.WriteBytes(traceId);
            writer.WriteUInt64(edge.SpanId);
            writer.WriteByte((byte)((byte)edge.Side | (edge.Failed ? 4 : 0) | (edge.IsDatabase ? 8 : 0)));
            writer.WriteByte((byte)edge.Kind);
            WriteTime(writer, edge.ExpiresAtMs, nowMs);
            writer.WriteVarint(ZigZag((long)(edge.TimeUnixNano - (ulong)wallMs * 1_000_000)));
            writer.WriteDouble(edge.LatencySeconds);
            writer.WriteDouble(edge.Multiplier);
            if (WriteNumber(writer, edge.SideText, sides))
            {
                var side = new KeyReader(texts[edge.SideText]);
                for (var left = 1 + dimensions.Count; left > 0; left--)
                    writer.WriteText(side.ReadText());
            }

            if (WriteNumber(writer, edge.PeerText, peers))
                writer.WriteText(texts[edge.PeerText]);
        }
    }

    private static bool WriteNumber(CompactWriter writer, int text, Dictionary<int, int> numbers)
    {
        if (text == Edge.NoText)
        {
            writer.WriteCount(0);
            return false;
        }

        var isNew = numbers.TryAdd(text, numbers.Count + 1);
        writer.WriteCount(numbers[text]);
        return isNew;
    }

    private static WaitingEdges ReadEdges(ref CompactReader reader, long nowMs, long wallMs)
    {
        var dimensions = new List<string>();
        for (var left = reader.ReadCount(); left > 0; left--)
            dimensions.Add(Encoding.UTF8.GetString(reader.ReadText()));

        var edges = new EdgeStore();
        var texts = new TextTable();
        List<int> sides = [Edge.NoText], peers = [Edge.NoText];
        var key = new KeyBuilder();
        for (var left = reader.ReadCount(); left > 0; left--)
        {
            var traceId = BinaryPrimitives.ReadUInt128BigEndian(reader.ReadBytes(16));
            var spanId = reader.ReadUInt64();
            if (edges.Find(traceId, spanId) != EdgeStore.None)
                throw new InvalidDataException("the same edge appears twice");
            var flags = reader.ReadByte();
            var kind = reader.ReadByte();
            if (flags > 15 || kind > (byte)SpanKind.Consumer)
                throw new InvalidDataException($"an edge has side {flags} and kind {kind}, which do not go together");
            ref var edge = ref edges[edges.Add(traceId, spanId)];
            edge.Side = (EdgeSide)(flags & 3);
            edge.Failed = (flags & 4) != 0;
            edge.IsDatabase = (flags & 8) != 0;
            edge.Kind = (SpanKind)kind;
            edge.ExpiresAtMs = ReadTime(ref reader, nowMs);
            edge.TimeUnixNano = (ulong)wallMs * 1_000_000 + (ulong)UnZigZag(reader.ReadVarint());
            edge.LatencySeconds = ReadFinite(ref reader, otherwise: 0);
            edge.Multiplier = ReadFinite(ref reader, otherwise: 1);
            edge.SideText = ReadKnown(ref reader, sides, texts);
            if (edge.SideText == NewText)
            {
                key.Clear();
                for (var parts = 1 + dimensions.Count; parts > 0; parts--)
                    key.Add(reader.ReadText());
                sides.Add(edge.SideText = texts.Acquire(key.Key));
            }

            edge.PeerText = ReadKnown(ref reader, peers, texts);
            if (edge.PeerText == NewText)
                peers.Add(edge.PeerText = texts.Acquire(reader.ReadText()));
            var isDropped = edge.Side is EdgeSide.DroppedClient or EdgeSide.DroppedServer;
            if (isDropped != (edge.SideText == Edge.NoText))
                throw new InvalidDataException("one side of an edge names no service");
        }

        return new WaitingEdges(dimensions, edges, texts);
    }

    // Returns the table's number of a text that was read before, and adds a reference to it; NewText for a text that follows now.
    private static int ReadKnown(ref CompactReader reader, List<int> read, TextTable texts)
    {
        var number = reader.ReadVarint();
        if (number == (ulong)read.Count)
            return NewText;
        if (number > (ulong)read.Count)
            throw new InvalidDataException($"text number {number} is used, but only {read.Count} texts came before it");
        var text = read[(int)number];
        if (text != Edge.NoText)
            texts.AddReference(text);
        return text;
    }

    // An earlier version let values become infinite, and they would stay so: they restart at 0.
    private static double ReadFinite(ref CompactReader reader, double otherwise) =>
        reader.ReadDouble() is var value && double.IsFinite(value) ? value : otherwise;

    private static void WriteTime(CompactWriter writer, long timeMs, long nowMs, ulong reserved = 1) =>
        writer.WriteVarint(timeMs == 0 ? 0 : reserved + ZigZag(nowMs - timeMs));

    private static long ReadTime(ref CompactReader reader, long nowMs) => reader.ReadVarint() is var coded and > 0 ? Time(coded - 1, nowMs) : 0;

    private static long Time(ulong coded, long nowMs)
    {
        var timeMs = nowMs - UnZigZag(coded);
        return timeMs is >= 0 and <= MaxTimeMs ? timeMs : throw new InvalidDataException("a time is out of range");
    }
}
