using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Server.Ports;

namespace OrleansTempo.Standalone;

/// <summary>The receivers' way to the distributor, which is in this process and answers at once.</summary>
internal sealed class TracePush(Distributor distributor) : ITracePush
{
    public ValueTask<PushResult> PushAsync(TenantId tenant, RequestBuffer request, CancellationToken cancellationToken) =>
        ValueTask.FromResult(distributor.Push(tenant, request));
}
