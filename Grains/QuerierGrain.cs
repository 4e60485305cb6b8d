using System.IO.Pipelines;
using Orleans.Concurrency;
using OrleansTempo.Core;
using OrleansTempo.Core.Querier.Traces;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Grains;

/// <summary>A shell around the silo's <see cref="TraceQuery"/>.</summary>
[GrainType("querier"), StatelessWorker, Reentrant]
internal sealed class QuerierGrain(GrainEngine engine) : Grain, IQuerierGrain
{
    public async Task<FoundTrace> FindTraceAsync(string tenant, byte[] traceId)
    {
        if (!TenantId.TryParse(tenant, out var id, out var error))
            throw new ArgumentException(error, nameof(tenant));
        if (traceId.Length != TraceId.Length)
            throw new ArgumentException($"a trace ID has {TraceId.Length} bytes, but this one has {traceId.Length}", nameof(traceId));
        var answer = await engine.Query.FindAsync(id, TraceId.Read(traceId), default, CancellationToken.None);
        var trace = AssembledTrace.From(answer);
        if (trace.IsEmpty)
            return new FoundTrace { Problems = [.. answer.Problems] };
        using var bytes = new MemoryStream();
        var writer = PipeWriter.Create(bytes, new StreamPipeWriterOptions(leaveOpen: true));
        await TraceProtobuf.WriteV1Async(trace, writer, CancellationToken.None);
        await writer.CompleteAsync();
        return new FoundTrace { Trace = bytes.ToArray(), Problems = [.. answer.Problems] };
    }
}
