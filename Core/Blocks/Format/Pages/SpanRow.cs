namespace OrleansTempo.Core.Blocks.Format.Pages;

/// <summary>
/// One span as it is held in memory and handed to a block: what is the span's own. Its inline values (each a varint length
/// and bytes) and its other fields (protobuf fields that have no place of their own, with their tags) follow it.
/// </summary>
internal struct SpanRow
{
    /// <summary>The bytes of the ID in big-endian order.</summary>
    public ulong SpanId;

    /// <summary>As <see cref="SpanId"/>; 0 for none.</summary>
    public ulong ParentSpanId;

    /// <summary>Unix time in nanoseconds.</summary>
    public ulong StartTimeUnixNano;

    /// <summary>End − start in nanoseconds, modulo 2^64: what is added to the start gives the end, whichever is later.</summary>
    public ulong DurationNano;

    /// <summary>The number of its shape in the dictionary that the row goes with.</summary>
    public int Shape;

    public int InlineLength;

    public int OtherLength;

    /// <summary>The row of the same trace that came before, in the arena that the row is in; 0 for none.</summary>
    public uint Previous;
}
