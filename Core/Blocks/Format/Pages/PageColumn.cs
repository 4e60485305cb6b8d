using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Blocks.Format.Pages;

/// <summary>
/// The columns of a page, in the order in which they are stored. A search reads those before <see cref="SpanIds"/>, which
/// come first, and never the rest.
/// </summary>
internal enum PageColumn
{
    /// <summary>Resources, scopes, texts, attributes, keys and shapes.</summary>
    Dictionary,

    /// <summary>16 bytes a trace.</summary>
    TraceIds,

    /// <summary>A varint a trace: how many of the page's spans are its.</summary>
    SpanCounts,

    /// <summary>A varint a trace: its earliest start less the page's.</summary>
    TraceStarts,

    /// <summary>A varint a span: the number of its shape.</summary>
    Shapes,

    /// <summary>A varint a span: its start less its trace's.</summary>
    Starts,

    /// <summary>A varint a span: its duration, zigzag.</summary>
    Durations,

    /// <summary>The inline values, each a varint length and bytes, span by span.</summary>
    Inline,

    /// <summary>8 bytes a span.</summary>
    SpanIds,

    /// <summary>A varint a span: 0 none, 1 and 8 bytes, or 2 + the place of the parent among the trace's spans.</summary>
    Parents,

    /// <summary>A varint a span, its length, and the other fields: events, links, trace state.</summary>
    Other,
}
