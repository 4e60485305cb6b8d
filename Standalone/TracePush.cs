using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Server.Ports;

namespace OrleansTempo.Standalone;

/// <summary>The receivers' way to the distributor, which is in this process; an answer waits for the write-ahead log, and for the moment that a generator's queue asks for.</summary>
internal sealed class TracePush(Distributor distributor, GeneratorMailboxes generators, TimeProvider time) : ITracePush
{
    public ValueTask<PushResult> PushAsync(TenantId tenant, RequestBuffer request, CancellationToken cancellationToken)
    {
        var push = distributor.PushAsync(tenant, request);
        if (!push.IsCompletedSuccessfully)
            return AwaitAsync(tenant, push);
        var hold = generators.Hold(tenant);
        return hold == TimeSpan.Zero ? push : HoldAsync(push.Result, hold);
    }

    private async ValueTask<PushResult> AwaitAsync(TenantId tenant, ValueTask<PushResult> push) => await HoldAsync(await push, generators.Hold(tenant));

    private async ValueTask<PushResult> HoldAsync(PushResult result, TimeSpan hold)
    {
        if (hold > TimeSpan.Zero)
            await Task.Delay(hold, time);
        return result;
    }
}
