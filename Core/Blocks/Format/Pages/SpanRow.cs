namespace OrleansTempo.Core.Blocks.Format.Pages;

/// <summary>
/// One span as it is held in memory and written to a block: the values that are its own. Its inline values (each a varint length and bytes) and its
/// other fields (protobuf fields without a place here, with their tags) follow it.
/// </summary>
internal struct SpanRow
{
    /// <summary>The bytes of the ID in big-endian order.</summary>
    public ulong SpanId;

    /// <summary>Like <see cref="SpanId"/>; 0 for none.</summary>
    public ulong ParentSpanId;

    /// <summary>Unix time in nanoseconds.</summary>
    public ulong StartTimeUnixNano;

    /// <summary>End − start in nanoseconds, modulo 2^64, so that start + duration gives the end even if that is earlier.</summary>
    public ulong DurationNano;

    /// <summary>The number of its shape in the dictionary that belongs to the row.</summary>
    public int Shape;

    public int InlineLength;

    public int OtherLength;

    /// <summary>The previous row of the same trace, in the same arena; 0 for none.</summary>
    public uint Previous;
}
