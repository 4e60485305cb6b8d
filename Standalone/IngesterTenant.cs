using OrleansTempo.Core;
using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Overrides;

namespace OrleansTempo.Standalone;

/// <summary>One tenant's ingester partitions, and the count of live traces that its limit is about.</summary>
internal sealed class IngesterTenant
{
    public IngesterTenant(TenantId tenant, IngesterOptions options, IngesterMemory memory, BlockFlushQueue flushes, TimeProvider time)
    {
        Partitions = [.. Enumerable.Range(0, options.Partitions).Select(_ => new IngesterPartition(new TraceIngester(tenant, LiveTraces, options, time), memory, flushes))];
    }

    public LiveTraceCount LiveTraces { get; } = new();

    public IngesterPartition[] Partitions { get; }
}
