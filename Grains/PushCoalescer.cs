using System.Collections.Concurrent;
using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Grains;

/// <summary>The receivers' way to the distributor grain: small requests of a tenant that come while calls are under way go together, so that they do not cost calls of their own.</summary>
internal sealed class PushCoalescer(IGrainFactory grains, TempoMetrics metrics)
{
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(1);
    private static readonly KeyValuePair<string, object?> s_distributorGrain = new("grain", "distributor");

    private readonly ConcurrentDictionary<TenantId, CallGathering<Push>> _gatherings = new();
    private readonly IDistributorGrain _distributor = grains.GetGrain<IDistributorGrain>(IDistributorGrain.Key);

    /// <summary>Pushes one request, which is the callee's from here on.</summary>
    public ValueTask<PushResult> PushAsync(TenantId tenant, RequestBuffer request)
    {
        var gathering = _gatherings.TryGetValue(tenant, out var known)
            ? known
            : _gatherings.GetOrAdd(tenant, static (t, self) => new CallGathering<Push>(Environment.ProcessorCount, pushes => self.SendAsync(t, pushes)), this);
        var push = new Push(request);
        gathering.Add(push, request.Length);
        return new ValueTask<PushResult>(push.Result.Task);
    }

    private async Task SendAsync(TenantId tenant, List<Push> pushes)
    {
        metrics.GrainCalls.Add(1, s_distributorGrain);
        try
        {
            var answers = await _distributor.PushAsync(tenant.Value, new OtlpRequests(pushes.ConvertAll(static p => p.Request))).ConfigureAwait(false);
            for (var i = 0; i < answers.Length; i++)
                pushes[i].Result.SetResult(answers[i].ToResult());
        }
        catch (Exception e)
        {
            // The call may still be on its way.
            var unavailable = new PushResult { Status = PushStatus.Unavailable, Message = $"the distributor cannot be reached: {e.Message}; send the request again", RetryAfter = s_soon };
            foreach (var push in pushes)
            {
                push.Request.Abandon();
                push.Result.TrySetResult(unavailable);
            }
        }
    }

    private sealed class Push(RequestBuffer request)
    {
        public RequestBuffer Request => request;

        public TaskCompletionSource<PushResult> Result { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
