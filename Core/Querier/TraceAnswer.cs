using OrleansTempo.Core.Otlp;

namespace OrleansTempo.Core.Querier;

/// <summary>What was found of a trace; no spans where there is none of that ID.</summary>
public sealed record TraceAnswer
{
    public required TraceSpans Spans { get; init; }

    /// <summary>What could not be looked at, a sentence each, such as a block that is corrupt: the trace may have spans that are not here.</summary>
    public IReadOnlyList<string> Problems { get; init; } = [];
}
