using Orleans.Concurrency;
using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Grains;

/// <summary>
/// A shell around the silo's <see cref="Distributor"/>, for Orleans clients; the silo's own receivers use the distributor directly. Reentrant: while
/// it waits for one call's commit it accepts others, so waiting does not limit a silo to its number of workers.
/// </summary>
[GrainType("distributor"), StatelessWorker, Reentrant]
internal sealed class DistributorGrain(GrainEngine engine) : Grain, IDistributorGrain
{
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(1);
    private static readonly KeyValuePair<string, object?> s_distributorGrain = new("grain", "distributor");

    public async Task<PushAnswer[]> PushAsync(string tenant, OtlpRequests requests)
    {
        if (!TenantId.TryParse(tenant, out var id, out var error))
            throw new ArgumentException(error, nameof(tenant));
        engine.Metrics.GrainCalls.Add(1, s_distributorGrain);
        var answers = await Task.WhenAll(requests.Bytes.Select(request => PushAsync(id, request)));
        return [.. answers.Select(static answer => new PushAnswer(answer))];
    }

    // It runs synchronously until it has to wait; an error in one request affects only that one.
    private async Task<PushResult> PushAsync(TenantId tenant, ReadOnlyMemory<byte> request)
    {
        try
        {
            return await engine.Distributor.PushAsync(tenant, engine.RequestMemory.Copy(request.Span));
        }
        catch (Exception e) when (e is RequestMemoryException or OutOfMemoryException)
        {
            return e is RequestMemoryException { CanFit: false }
                ? new PushResult { Status = PushStatus.TooLarge, Message = e.Message }
                : new PushResult { Status = PushStatus.Unavailable, Message = e.Message, RetryAfter = s_soon };
        }
    }
}
