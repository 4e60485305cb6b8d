namespace OrleansTempo.Harness.Traces;

/// <summary>
/// Several senders, each with a connection and requests of its own, that send until they are stopped or the process is gone. A request
/// that got no answer is sent again by the next load, or never.
/// </summary>
internal sealed class TraceLoad(int seed, int senders, SentSpans sent)
{
    private readonly Sender[] _senders = [.. Enumerable.Range(0, senders).Select(number => new Sender(new Random(seed + number), new RandomTraces(seed + number), sent, overGrpc: number % 2 == 1))];

    /// <summary>Sends to <paramref name="process"/>; the returned function stops it, and returns the answers that were none of success.</summary>
    public Func<Task<IReadOnlyList<OtlpAnswer>>> Start(SiloProcess process)
    {
        var stop = new CancellationTokenSource();
        var running = Task.WhenAll(_senders.Select(sender => Task.Run(() => sender.RunAsync(process.HttpEndpoint, process.GrpcEndpoint, stop.Token))));
        return async () =>
        {
            await stop.CancelAsync();
            var refused = await running;
            stop.Dispose();
            return [.. refused.SelectMany(static answers => answers)];
        };
    }

    private sealed class Sender(Random random, RandomTraces traces, SentSpans sent, bool overGrpc)
    {
        private SentSpans.SentRequest? _unanswered;

        public async Task<IReadOnlyList<OtlpAnswer>> RunAsync(Uri http, Uri grpc, CancellationToken stop)
        {
            using var otlp = new OtlpSender(http, grpc);
            var refused = new List<OtlpAnswer>();
            while (!stop.IsCancellationRequested)
            {
                var request = _unanswered is not null && random.Next(2) == 0 ? _unanswered : sent.Add(traces.Next(random.Next(1, 100)));
                _unanswered = request;
                try
                {
                    var answer = overGrpc ? await otlp.PushOverGrpcAsync(request.Body) : await otlp.PushAsync(request.Body);
                    if (answer.IsWhole)
                        request.Acknowledge();
                    else
                        refused.Add(answer);
                    _unanswered = null;
                    await Task.Delay(random.Next(40), stop);
                }
                catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
                {
                    if (!stop.IsCancellationRequested)
                        return refused;
                }
            }

            return refused;
        }
    }
}
