using OrleansTempo.Core.Blocks.Format.Pages;

namespace OrleansTempo.Core.Ingester.Live;

/// <summary>One trace of a generation.</summary>
internal struct LiveTrace
{
    public TraceId Id;

    /// <summary>Its last row; the others follow by <see cref="Storage.SpanRow.Previous"/>.</summary>
    public uint LastRow;

    public int Spans;

    /// <summary>Bytes of OTLP protobuf of its spans.</summary>
    public long Bytes;

    /// <summary>When its first span came, a <see cref="TimeProvider"/> timestamp.</summary>
    public long FirstSeen;

    /// <summary>When its latest span came, a <see cref="TimeProvider"/> timestamp.</summary>
    public long LastSeen;

    /// <summary>The earliest segment of the write-ahead log that can have a span of it.</summary>
    public long Segment;

    /// <summary>False once it has been cut: it waits for the block it goes to.</summary>
    public bool IsLive;
}
