using System.Collections.Concurrent;
using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Server.Ports;

namespace OrleansTempo.Harness.Fakes;

/// <summary>Keeps what was pushed and answers as told.</summary>
internal sealed class RecordingPush : ITracePush
{
    public ConcurrentQueue<(TenantId Tenant, byte[] Request)> Pushed { get; } = new();

    public Func<ValueTask<PushResult>> Answer { get; set; } = static () => new(PushResult.Accepted);

    public async ValueTask<PushResult> PushAsync(TenantId tenant, RequestBuffer request, CancellationToken cancellationToken)
    {
        Pushed.Enqueue((tenant, request.Bytes.ToArray()));
        request.Return();
        return await Answer();
    }
}
