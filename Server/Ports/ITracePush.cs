using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Otlp.Buffers;

namespace OrleansTempo.Server.Ports;

/// <summary>Where the receivers hand in spans.</summary>
public interface ITracePush
{
    /// <summary>Pushes one <c>ExportTraceServiceRequest</c> in protobuf; ownership of <paramref name="request"/> passes to the callee, whatever the result.</summary>
    ValueTask<PushResult> PushAsync(TenantId tenant, RequestBuffer request, CancellationToken cancellationToken);
}
