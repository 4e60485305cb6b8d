using System.Collections.Concurrent;
using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Grains;

/// <summary>
/// The receivers' way to the distributor grain: requests of a tenant that come within a few milliseconds go in one call, so that small requests do not
/// cost calls of their own. One that comes alone, or is large, waits for nobody.
/// </summary>
internal sealed class PushCoalescer(IGrainFactory grains, TempoMetrics metrics, TimeProvider time)
{
    // This much is worth a call of its own.
    private const int EnoughBytes = 128 << 10;
    private const int EnoughRequests = 16;

    private static readonly TimeSpan s_window = TimeSpan.FromMilliseconds(4);
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(1);
    private static readonly KeyValuePair<string, object?> s_distributorGrain = new("grain", "distributor");

    private readonly ConcurrentDictionary<TenantId, Waiting> _waiting = new();
    private readonly IDistributorGrain _distributor = grains.GetGrain<IDistributorGrain>(IDistributorGrain.Key);

    /// <summary>Pushes one request, which is the callee's from here on.</summary>
    public ValueTask<PushResult> PushAsync(TenantId tenant, RequestBuffer request)
    {
        var waiting = _waiting.TryGetValue(tenant, out var known) ? known : _waiting.GetOrAdd(tenant, (t) => new Waiting(t, this, time));
        return new ValueTask<PushResult>(waiting.Add(request));
    }

    private async Task SendAsync(TenantId tenant, List<RequestBuffer> requests, List<TaskCompletionSource<PushResult>> results)
    {
        metrics.GrainCalls.Add(1, s_distributorGrain);
        try
        {
            var answers = await _distributor.PushAsync(tenant.Value, new OtlpRequests(requests)).ConfigureAwait(false);
            for (var i = 0; i < answers.Length; i++)
                results[i].SetResult(answers[i].ToResult());
        }
        catch (Exception e)
        {
            // The call may still be on its way.
            foreach (var request in requests)
                request.Abandon();
            var unavailable = new PushResult { Status = PushStatus.Unavailable, Message = $"the distributor cannot be reached: {e.Message}; send the request again", RetryAfter = s_soon };
            foreach (var result in results)
                result.TrySetResult(unavailable);
        }
    }

    private sealed class Waiting
    {
        private readonly TenantId _tenant;
        private readonly PushCoalescer _owner;
        private readonly TimeProvider _time;
        private readonly Lock _gate = new();
        private readonly ITimer _timer;

        // All below is guarded by _gate.
        private List<RequestBuffer> _requests = [];
        private List<TaskCompletionSource<PushResult>> _results = [];
        private int _bytes;
        private long? _sent;

        public Waiting(TenantId tenant, PushCoalescer owner, TimeProvider time)
        {
            _tenant = tenant;
            _owner = owner;
            _time = time;
            _timer = time.CreateTimer(static state => ((Waiting)state!).Send(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }

        public Task<PushResult> Add(RequestBuffer request)
        {
            var result = new TaskCompletionSource<PushResult>(TaskCreationOptions.RunContinuationsAsynchronously);
            bool isDue;
            lock (_gate)
            {
                _requests.Add(request);
                _results.Add(result);
                _bytes += request.Length;
                isDue = _bytes >= EnoughBytes || _requests.Count >= EnoughRequests || _sent is not { } sent || _time.GetElapsedTime(sent) >= s_window;
                if (!isDue && _requests.Count == 1)
                    _timer.Change(s_window, Timeout.InfiniteTimeSpan);
            }

            if (isDue)
                Send();
            return result.Task;
        }

        private void Send()
        {
            List<RequestBuffer> requests;
            List<TaskCompletionSource<PushResult>> results;
            lock (_gate)
            {
                if (_requests.Count == 0)
                    return;
                (requests, _requests) = (_requests, []);
                (results, _results) = (_results, []);
                _bytes = 0;
                _sent = _time.GetTimestamp();
            }

            _ = _owner.SendAsync(_tenant, requests, results);
        }
    }
}
