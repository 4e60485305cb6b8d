using System.Collections.Concurrent;
using OrleansTempo.Core;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Querier;
using OrleansTempo.Server.Ports;

namespace OrleansTempo.Server.Tests;

/// <summary>Keeps what was asked; each of its traces is one tenant's, and is one span.</summary>
internal sealed class RecordingTraces : ITraceQuery
{
    public ConcurrentQueue<(TenantId Tenant, TraceId Id, TraceRange Range)> Asked { get; } = new();

    /// <summary>The tenant and ID of every trace there is, and the bytes of its one span.</summary>
    public Dictionary<(string Tenant, string Id), byte[]> Traces { get; } = [];

    public string[] Problems { get; set; } = [];

    public ValueTask<TraceAnswer> FindAsync(TenantId tenant, TraceId traceId, TraceRange range, CancellationToken cancellationToken)
    {
        Asked.Enqueue((tenant, traceId, range));
        var spans = new TraceSpans(traceId);
        if (Traces.TryGetValue((tenant.Value, traceId.ToString()), out var span))
        {
            spans.InspectedBytes = 100;
            spans.Add(new() { SpanId = 1, Kind = SpanKind.Server, StartTimeUnixNano = 1, Resource = default, Scope = default, Span = span });
        }

        return new(new TraceAnswer { Spans = spans, Problems = Problems });
    }
}
