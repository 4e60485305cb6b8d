using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Otlp.Buffers;

namespace OrleansTempo.Server.Ports;

/// <summary>Receives spans from the receivers.</summary>
public interface ITracePush
{
    /// <summary>Pushes one <c>ExportTraceServiceRequest</c> in protobuf; the callee takes ownership of <paramref name="request"/>, whatever the result.</summary>
    ValueTask<PushResult> PushAsync(TenantId tenant, RequestBuffer request, CancellationToken cancellationToken);
}
