using OrleansTempo.Core.Otlp;

namespace OrleansTempo.Core.Querier.Traces;

/// <summary>The spans found of a trace; empty if there is no trace of that ID.</summary>
public sealed record TraceAnswer
{
    public required TraceSpans Spans { get; init; }

    /// <summary>What could not be searched, a sentence each, such as a corrupt block: the trace may have spans that are missing here.</summary>
    public IReadOnlyList<string> Problems { get; init; } = [];

    /// <summary>Merges several tenants' answers for one trace. A span that was sent to more than one of them is one span.</summary>
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
