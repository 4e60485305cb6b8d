using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Server.Ports;

namespace OrleansTempo.Silo;

/// <summary>Passes spans from the receivers to the distributor of this silo, the same one that the distributor grain uses.</summary>
internal sealed class TracePush(Distributor distributor) : ITracePush
{
    public ValueTask<PushResult> PushAsync(TenantId tenant, RequestBuffer request, CancellationToken cancellationToken) => distributor.PushAsync(tenant, request);
}
