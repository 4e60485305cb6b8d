namespace OrleansTempo.Core.Otlp.Reading;

/// <summary>One span, pointing into the request's buffer. Absent fields are empty slices and zeros.</summary>
public struct SpanRecord
{
    /// <summary>The content of the <c>Span</c> message; its length is the span's protobuf size in bytes.</summary>
    public Slice Message;
    public Slice TraceId;
    public Slice SpanId;
    public Slice ParentSpanId;
    public Slice Name;
    public Slice TraceState;
    public Slice StatusMessage;

    /// <summary>Unix time in nanoseconds.</summary>
    public ulong StartTimeUnixNano;

    /// <summary>Unix time in nanoseconds.</summary>
    public ulong EndTimeUnixNano;

    /// <summary>The index of the span's resource in the batch.</summary>
    public int Resource;

    /// <summary>The index of the span's scope in the batch.</summary>
    public int Scope;

    /// <summary>The index of the span's first attribute in the batch.</summary>
    public int FirstAttribute;
    public int AttributeCount;
    public SpanKind Kind;
    public StatusCode Status;

    /// <summary>The W3C trace flags and OTLP's additions to them.</summary>
    public uint Flags;

    /// <summary>
    /// Whether the message has fields, besides the trace state, that this struct does not hold: events, links, dropped counts, fields of later
    /// versions.
    /// </summary>
    public bool HasOtherFields;

    /// <summary>End − start in seconds; 0 if the span ends before it starts, or has no start: it has not lasted since 1970.</summary>
    public readonly double DurationSeconds =>
        StartTimeUnixNano != 0 && EndTimeUnixNano > StartTimeUnixNano ? (EndTimeUnixNano - StartTimeUnixNano) / 1e9 : 0;
}

/// <summary>A span's role, numbered as on the wire; other numbers are kept as they came.</summary>
public enum SpanKind
{
    Unspecified = 0,
    Internal = 1,
    Server = 2,
    Client = 3,
    Producer = 4,
    Consumer = 5,
}

/// <summary>A span's status, numbered as on the wire; other numbers are kept as they came.</summary>
public enum StatusCode
{
    Unset = 0,
    Ok = 1,
    Error = 2,
}
