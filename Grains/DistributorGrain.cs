using Orleans.Concurrency;
using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Grains;

/// <summary>A shell around the silo's <see cref="Distributor"/>. Reentrant: while it waits for one call's commit it takes others, so waiting does not cap a silo at its number of workers.</summary>
[StatelessWorker, Reentrant]
internal sealed class DistributorGrain(GrainEngine engine) : Grain, IDistributorGrain
{
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(1);

    public async Task<PushAnswer[]> PushAsync(string tenant, OtlpRequests requests)
    {
        if (!TenantId.TryParse(tenant, out var id, out var error))
            throw new ArgumentException(error, nameof(tenant));
        IReadOnlyList<RequestBuffer> buffers;
        try
        {
            buffers = requests.Take(engine.RequestMemory);
        }
        catch (RequestMemoryException e)
        {
            var full = new PushAnswer { Status = PushStatus.Unavailable, Message = e.Message, RetryAfter = s_soon };
            return [.. Enumerable.Repeat(full, requests.Count)];
        }

        var pushes = new Task<PushResult>[buffers.Count];
        for (var i = 0; i < pushes.Length; i++)
            pushes[i] = PushAsync(id, buffers[i]);

        var answers = new PushAnswer[pushes.Length];
        for (var i = 0; i < pushes.Length; i++)
            answers[i] = new PushAnswer(await pushes[i]);
        var hold = engine.Generators.Hold(id);
        if (hold > TimeSpan.Zero)
            await Task.Delay(hold, engine.Time);
        return answers;
    }

    // Up to where it waits it runs at once; what goes wrong with one request is that one's.
    private async Task<PushResult> PushAsync(TenantId tenant, RequestBuffer request)
    {
        try
        {
            return await engine.Distributor.PushAsync(tenant, request);
        }
        catch (RequestMemoryException e)
        {
            return new PushResult { Status = PushStatus.Unavailable, Message = e.Message, RetryAfter = s_soon };
        }
    }
}
