using System.Collections.Concurrent;
using OrleansTempo.Core;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Querier.Traces;
using OrleansTempo.Server.Ports;
using OrleansTempo.Tests.Otlp;
using SpanKind = OrleansTempo.Core.Otlp.Reading.SpanKind;

namespace OrleansTempo.Server.Tests;

/// <summary>Keeps what was asked; each of its traces is one tenant's.</summary>
internal sealed class RecordingTraces : ITraceQuery
{
    public ConcurrentQueue<(TenantId Tenant, TraceId Id, TraceRange Range)> Asked { get; } = new();

    /// <summary>The tenant and ID of every trace there is, and the bytes of its spans.</summary>
    public Dictionary<(string Tenant, string Id), byte[][]> Traces { get; } = [];

    public string[] Problems { get; set; } = [];

    /// <summary>The tenant whose traces cannot be asked for.</summary>
    public string? Failing { get; set; }

    public ValueTask<TraceAnswer> FindAsync(TenantId tenant, TraceId traceId, TraceRange range, CancellationToken cancellationToken)
    {
        Asked.Enqueue((tenant, traceId, range));
        if (tenant.Value == Failing)
            throw new IOException("its ingester cannot be reached");
        var spans = new TraceSpans(traceId);
        if (Traces.TryGetValue((tenant.Value, traceId.ToString()), out var found))
        {
            spans.InspectedBytes = 100;
            foreach (var span in found)
                spans.Add(new() { SpanId = Span.Parser.ParseFrom(span).SpanId is [.., var last] ? last : 1u, Kind = SpanKind.Server, StartTimeUnixNano = 1, Resource = default, Scope = default, Span = span });
        }

        return new(new TraceAnswer { Spans = spans, Problems = Problems });
    }

    public bool Knows(TenantId tenant) => Traces.Keys.Any(key => key.Tenant == tenant.Value);
}
