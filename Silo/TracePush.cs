using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Grains;
using OrleansTempo.Server.Ports;

namespace OrleansTempo.Silo;

/// <summary>The receivers' way to the distributor grain.</summary>
internal sealed class TracePush(PushCoalescer pushes) : ITracePush
{
    public ValueTask<PushResult> PushAsync(TenantId tenant, RequestBuffer request, CancellationToken cancellationToken) => pushes.PushAsync(tenant, request);
}
