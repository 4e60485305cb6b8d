using OrleansTempo.Core;
using OrleansTempo.Core.Querier.Traces;

namespace OrleansTempo.Server.Ports;

/// <summary>Finds traces by their ID, for <c>/api/traces</c> and <c>/api/v2/traces</c>.</summary>
public interface ITraceQuery
{
    /// <summary>All that is known of the tenant's trace: every acknowledged span of it, live or stored.</summary>
    ValueTask<TraceAnswer> FindAsync(TenantId tenant, TraceId traceId, TraceRange range, CancellationToken cancellationToken);

    /// <summary>Whether this process knows of anything that is the tenant's: traces, or overrides. Another process may know of live traces that this one does not.</summary>
    bool Knows(TenantId tenant);
}
