using System.Globalization;
using Google.Protobuf;
using OrleansTempo.Core;
using OrleansTempo.Tests.Otlp;
using OrleansTempo.Tests.Query;

namespace OrleansTempo.Harness.Traces;

/// <summary>
/// Every span that was sent, and whether it was acknowledged; what is found of a trace must be all of its acknowledged spans and
/// none but its sent ones, each once and with every field as sent, its resource's and scope's too. Safe to use from any thread.
/// </summary>
internal sealed class SentSpans
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ByteString, Dictionary<ByteString, SentSpan>> _traces = [];

    /// <summary>The IDs of all traces of which a span was acknowledged.</summary>
    public IReadOnlyList<ByteString> Traces
    {
        get
        {
            lock (_lock)
                return [.. _traces.Where(static trace => trace.Value.Values.Any(static span => span.IsAcknowledged)).Select(static trace => trace.Key)];
        }
    }

    public int Acknowledged
    {
        get
        {
            lock (_lock)
                return _traces.Values.Sum(static trace => trace.Values.Count(static span => span.IsAcknowledged));
        }
    }

    /// <summary>Notes a request that is about to be sent: from now on its spans may be found.</summary>
    public SentRequest Add(ExportTraceServiceRequest request)
    {
        var traces = new HashSet<ByteString>();
        var spans = new List<SentSpan>();
        foreach (var whole in Split(request.ResourceSpans))
        {
            var span = whole.ScopeSpans[0].Spans[0];

            // Answered empty where they were not sent.
            whole.Resource ??= new Resource();
            whole.ScopeSpans[0].Scope ??= new InstrumentationScope();
            traces.Add(span.TraceId);
            lock (_lock)
            {
                if (!_traces.TryGetValue(span.TraceId, out var trace))
                    _traces.Add(span.TraceId, trace = []);
                if (!trace.TryGetValue(span.SpanId, out var sent))
                    trace.Add(span.SpanId, sent = new SentSpan(whole.ToByteArray()));
                spans.Add(sent);
            }
        }

        return new SentRequest(request.ToByteArray(), [.. traces], spans, this);
    }

    /// <summary>Asks for traces, several at a time, and fails where one is not as it was sent.</summary>
    /// <param name="reader">Whom to ask.</param>
    /// <param name="traces">Their IDs.</param>
    /// <param name="when">Stands in the failure's message.</param>
    /// <param name="besides">Something that every answer must name as missing; null where they must be complete.</param>
    public async Task AssertFoundAsync(TraceReader reader, IEnumerable<ByteString> traces, string when, string? besides = null)
    {
        var problems = await ProblemsAsync(reader, traces, besides: besides);
        Assert.True(problems.Count == 0, $"{when}, {problems.Count} traces are not as they were sent:\n{string.Join('\n', problems.Take(5))}");
    }

    /// <summary>Asks for traces, several at a time; says of each that is not as it was sent what is wrong.</summary>
    /// <param name="reader">Whom to ask.</param>
    /// <param name="traces">Their IDs.</param>
    /// <param name="tenant">Whose they are.</param>
    /// <param name="besides">As for <see cref="AssertFoundAsync"/>.</param>
    public async Task<IReadOnlyList<string>> ProblemsAsync(TraceReader reader, IEnumerable<ByteString> traces, string? tenant = null, string? besides = null)
    {
        const int AtOnce = 8;
        var problems = new List<string>();
        await Parallel.ForEachAsync(traces, new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (traceId, _) =>
        {
            var found = await ProblemsAsync(reader, traceId, tenant, besides);
            if (found.Length == 0)
                return;
            lock (problems)
                problems.Add(found);
        });
        return problems;
    }

    // What is wrong with the answer for a trace; empty where nothing is. Spans may be sent meanwhile.
    private async Task<string> ProblemsAsync(TraceReader reader, ByteString traceId, string? tenant, string? besides)
    {
        HashSet<ByteString> missing;
        lock (_lock)
            missing = [.. _traces[traceId].Where(static span => span.Value.IsAcknowledged).Select(static span => span.Key)];

        TraceByIDResponse answer;
        try
        {
            answer = await reader.FindAsync(traceId, tenant);
        }
        catch (HttpRequestException e)
        {
            return e.Message;
        }

        var problems = new List<string>();
        var (status, message) = besides is null ? (PartialStatus.Complete, "") : (PartialStatus.Partial, besides);
        if (answer.Status != status || !answer.Message.Contains(message, StringComparison.Ordinal) || (besides is null && answer.Message.Length > 0))
            problems.Add($"{answer.Status}: {answer.Message}");
        lock (_lock)
        {
            var seen = new HashSet<ByteString>();
            foreach (var whole in Split(answer.Trace?.ResourceSpans ?? []))
            {
                var span = whole.ScopeSpans[0].Spans[0];
                missing.Remove(span.SpanId);
                if (!seen.Add(span.SpanId))
                    problems.Add($"twice: {span}");
                else if (span.TraceId != traceId || !_traces[traceId].TryGetValue(span.SpanId, out var sent))
                    problems.Add($"never sent: {span}");
                else if (!whole.ToByteArray().AsSpan().SequenceEqual(sent.Bytes))
                    problems.Add($"changed: {whole}\n    sent as: {ResourceSpans.Parser.ParseFrom(sent.Bytes)}");
            }

            problems.AddRange(missing.Select(span => $"missing: {ResourceSpans.Parser.ParseFrom(_traces[traceId][span].Bytes)}"));
        }

        const int Shown = 3;
        return problems.Count == 0
            ? ""
            : string.Create(CultureInfo.InvariantCulture, $"trace {TraceReader.Hex(traceId)}, {problems.Count} problems:\n  {string.Join("\n  ", problems.Take(Shown).Select(Short))}");
    }

    private static string Short(string text) => text.Length <= 1000 ? text : text[..1000] + "…";

    /// <summary>The spans one by one, each in a resource and a scope of its own.</summary>
    private static IEnumerable<ResourceSpans> Split(IEnumerable<ResourceSpans> resources) =>
        from resource in resources
        from scope in resource.ScopeSpans
        from span in scope.Spans
        select new ResourceSpans
        {
            Resource = resource.Resource,
            SchemaUrl = resource.SchemaUrl,
            ScopeSpans = { new ScopeSpans { Scope = scope.Scope, SchemaUrl = scope.SchemaUrl, Spans = { WithStatus(span) } } },
        };

    // A span without a status has an empty one when it is found, as in Tempo.
    private static Span WithStatus(Span span)
    {
        if (span.Status is not null)
            return span;
        var whole = span.Clone();
        whole.Status = new Status();
        return whole;
    }

    /// <summary>A request and its spans.</summary>
    /// <param name="Body">What is sent.</param>
    /// <param name="Traces">The IDs of the traces that it has spans of.</param>
    /// <param name="Spans">Its spans.</param>
    /// <param name="Owner">Where they are noted.</param>
    internal sealed record SentRequest(byte[] Body, IReadOnlyList<ByteString> Traces, IReadOnlyList<SentSpan> Spans, SentSpans Owner)
    {
        /// <summary>It was answered with success: from now on its spans must be found.</summary>
        public void Acknowledge()
        {
            lock (Owner._lock)
            {
                foreach (var span in Spans)
                    span.IsAcknowledged = true;
            }
        }
    }

    /// <summary>A span, in its resource and scope.</summary>
    internal sealed class SentSpan(byte[] bytes)
    {
        public byte[] Bytes => bytes;

        public bool IsAcknowledged { get; set; }
    }
}
