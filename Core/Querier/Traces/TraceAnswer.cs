using OrleansTempo.Core.Otlp;

namespace OrleansTempo.Core.Querier.Traces;

/// <summary>What was found of a trace; no spans where there is none of that ID.</summary>
public sealed record TraceAnswer
{
    public required TraceSpans Spans { get; init; }

    /// <summary>What could not be looked at, a sentence each, such as a block that is corrupt: the trace may have spans that are not here.</summary>
    public IReadOnlyList<string> Problems { get; init; } = [];

    /// <summary>What several tenants have of one trace, as one answer. A span that was sent to more than one of them is one span.</summary>
    public static TraceAnswer Merge(TraceId traceId, IReadOnlyList<TraceAnswer> answers)
    {
        var spans = new TraceSpans(traceId) { InspectedBytes = answers.Sum(static a => a.Spans.InspectedBytes) };
        foreach (var answer in answers)
        {
            foreach (var span in answer.Spans.Spans)
                spans.Add(span);
        }

        return new TraceAnswer { Spans = spans, Problems = [.. answers.SelectMany(static a => a.Problems)] };
    }
}
