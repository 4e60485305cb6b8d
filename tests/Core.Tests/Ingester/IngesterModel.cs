using OrleansTempo.Core.Configuration.Ingester;
using OrleansTempo.Core.Ingester.Flush;
using OrleansTempo.Core.Tests.Otlp;

namespace OrleansTempo.Core.Tests.Ingester;

/// <summary>The simplest possible ingester, regardless of memory and time: a dictionary of traces and their spans. Blocks become due by age alone.</summary>
internal sealed class IngesterModel(IngesterOptions options, TimeProvider time)
{
    private readonly Dictionary<TraceId, Trace> _traces = [];
    private readonly List<Dictionary<TraceId, List<SentSpan>>> _writing = [];
    private readonly Dictionary<SentSpan, long> _segments = new(ReferenceEqualityComparer.Instance);
    private DateTimeOffset? _firstCut;

    public int LiveTraces => _traces.Values.Count(static t => t.IsLive);

    /// <summary>All spans that are in no flushed block.</summary>
    public long OldestSegment => _segments.Values.DefaultIfEmpty(long.MaxValue).Min();

    public void Push(IEnumerable<SentSpan> spans, long segment)
    {
        foreach (var span in spans)
        {
            if (!_traces.TryGetValue(span.TraceId, out var trace))
                _traces.Add(span.TraceId, trace = new Trace { FirstSeen = time.GetUtcNow() });
            trace.IsLive = true;
            trace.LastSeen = time.GetUtcNow();
            trace.Spans.Add(span);
            _segments.Add(span, segment);
        }
    }

    /// <summary>The traces of a block and their spans.</summary>
    public Dictionary<TraceId, List<SentSpan>>? Cut(CutReason reason)
    {
        var now = time.GetUtcNow();
        foreach (var trace in _traces.Values.Where(static t => t.IsLive))
        {
            if (reason != CutReason.Everything && now - trace.LastSeen < options.TraceIdlePeriod && now - trace.FirstSeen < options.TraceLivePeriod)
                continue;
            trace.IsLive = false;
            _firstCut ??= now;
        }

        var cut = _traces.Where(static t => !t.Value.IsLive).ToDictionary(static t => t.Key, static t => t.Value.Spans);
        if (cut.Count == 0 || (reason == CutReason.Due && now - _firstCut < options.MaxBlockDuration))
            return null;
        foreach (var id in cut.Keys)
            _traces.Remove(id);
        _firstCut = null;
        _writing.Add(cut);
        return cut;
    }

    public void Flushed(Dictionary<TraceId, List<SentSpan>> block)
    {
        _writing.Remove(block);
        foreach (var span in block.Values.SelectMany(static s => s))
            _segments.Remove(span);
    }

    public IEnumerable<SentSpan> Find(TraceId id) =>
        _writing.Select(b => b.GetValueOrDefault(id, [])).Append(_traces.GetValueOrDefault(id)?.Spans ?? []).SelectMany(static s => s);

    private sealed class Trace
    {
        public List<SentSpan> Spans { get; } = [];

        public required DateTimeOffset FirstSeen { get; init; }

        public DateTimeOffset LastSeen { get; set; }

        public bool IsLive { get; set; }
    }
}
