using OrleansTempo.Core;
using OrleansTempo.Core.Querier.Traces;

namespace OrleansTempo.Server.Ports;

/// <summary>Finds traces by ID, for <c>/api/traces</c> and <c>/api/v2/traces</c>.</summary>
public interface ITraceQuery
{
    /// <summary>Finds every acknowledged span of the tenant's trace, live or stored.</summary>
    ValueTask<TraceAnswer> FindAsync(TenantId tenant, TraceId traceId, TraceRange range, CancellationToken cancellationToken);

    /// <summary>Whether this process knows the tenant: its traces, or its overrides. Another process may know of live traces that this one does not.</summary>
    bool Knows(TenantId tenant);
}
