using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Server.Ports;

namespace OrleansTempo.Silo;

/// <summary>The receivers' way to the distributor of this silo, the one that the distributor grain is a shell around.</summary>
internal sealed class TracePush(Distributor distributor) : ITracePush
{
    public ValueTask<PushResult> PushAsync(TenantId tenant, RequestBuffer request, CancellationToken cancellationToken) => distributor.PushAsync(tenant, request);
}
