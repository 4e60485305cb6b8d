using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Server.Ports;

namespace OrleansTempo.Standalone;

/// <summary>The receivers' way to the distributor, which is in this process and answers at once, but for the moment that a generator's queue asks for.</summary>
internal sealed class TracePush(Distributor distributor, GeneratorMailboxes generators, TimeProvider time) : ITracePush
{
    public ValueTask<PushResult> PushAsync(TenantId tenant, RequestBuffer request, CancellationToken cancellationToken)
    {
        var result = distributor.Push(tenant, request);
        var hold = generators.Hold(tenant);
        return hold == TimeSpan.Zero ? ValueTask.FromResult(result) : HoldAsync(result, hold);
    }

    private async ValueTask<PushResult> HoldAsync(PushResult result, TimeSpan hold)
    {
        await Task.Delay(hold, time);
        return result;
    }
}
