using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Blocks.Format.Pages;

/// <summary>The columns of a page, in storage order. A search reads only those before <see cref="SpanIds"/>.</summary>
internal enum PageColumn
{
    /// <summary>Resources, scopes, texts, attributes, keys and shapes.</summary>
    Dictionary,

    /// <summary>16 bytes per trace.</summary>
    TraceIds,

    /// <summary>A varint per trace: how many of the page's spans belong to it.</summary>
    SpanCounts,

    /// <summary>A varint per trace: its earliest start minus the page's.</summary>
    TraceStarts,

    /// <summary>A varint per span: the number of its shape.</summary>
    Shapes,

    /// <summary>A varint per span: its start minus its trace's.</summary>
    Starts,

    /// <summary>A varint per span: its duration, zigzag.</summary>
    Durations,

    /// <summary>The inline values, each a varint length and bytes, span by span.</summary>
    Inline,

    /// <summary>8 bytes per span.</summary>
    SpanIds,

    /// <summary>A varint per span: 0 for none, 1 followed by 8 bytes, or 2 + the parent's position among the trace's spans.</summary>
    Parents,

    /// <summary>A varint per span with the length of the other fields, and those: events, links, trace state.</summary>
    Other,
}
