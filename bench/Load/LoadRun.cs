using System.Collections.Concurrent;
using System.Diagnostics;

namespace OrleansTempo.Bench.Load;

/// <summary>Replays the payload over several connections for a while; each sends its next request as soon as the last is answered, or at a fixed rate.</summary>
internal sealed class LoadRun
{
    private static readonly TimeSpan MemoryStep = TimeSpan.FromSeconds(10);

    // The server answers before the generator has processed its queue, so that work is counted too.
    private static readonly TimeSpan Drain = TimeSpan.FromSeconds(2);

    private readonly LoadOptions _options;
    private readonly List<PayloadTemplate> _templates;
    private readonly ConcurrentQueue<SampledTrace> _samples = new();
    private readonly List<long> _memory = [];
    private long _spans;
    private long _accepted;
    private long _edges;
    private long _refused;
    private volatile bool _stop;
    private volatile Exception? _failure;

    private LoadRun(LoadOptions options)
    {
        _options = options;
        _templates = PayloadTemplate.ReadFolder(options.PayloadFolder, options.SpansPerRequest);
    }

    public static LoadResult Execute(LoadOptions options) => new LoadRun(options).Execute();

    private LoadResult Execute()
    {
        // Checked before anything is sent: a wrong --pid usually means a wrong --endpoint.
        _ = Cpu();
        var threads = new List<Thread>();
        for (var connection = 0; connection < _options.Connections; connection++)
        {
            var number = connection;
            var thread = new Thread(() => SendUntilStopped(number)) { IsBackground = true, Name = $"connection {connection}" };
            thread.Start();
            threads.Add(thread);
        }

        Wait(_options.WarmUpSeconds, measured: false);
        var cpuBefore = Cpu();
        var spansBefore = Interlocked.Read(ref _spans);
        var started = Stopwatch.GetTimestamp();
        Wait(_options.Seconds, measured: true);
        var elapsed = Stopwatch.GetElapsedTime(started);
        var spans = Interlocked.Read(ref _spans) - spansBefore;
        _stop = true;
        foreach (var thread in threads)
            thread.Join();
        if (_failure is { } failure)
            throw new IOException($"a connection to {string.Join(" or ", _options.Endpoints)} failed: {failure.Message}", failure);
        Thread.Sleep(Drain);

        return new LoadResult
        {
            Options = _options,
            SpansSent = spans,
            SpansAccepted = _accepted,
            EdgesAccepted = _edges,
            Elapsed = elapsed,
            ServerCpu = Cpu() - cpuBefore,
            PeakMemoryBytes = ServerUsage.PeakMemoryBytes(_options.ProcessIds),
            MemoryBytes = _memory,
            RefusedRequests = _refused,
            SampledTraces = _samples,
        };
    }

    private void SendUntilStopped(int number)
    {
        try
        {
            var endpoint = _options.Endpoints[number % _options.Endpoints.Count];
            using IConnection connection = _options.Grpc ? new GrpcConnection(endpoint, _options.Gzip) : new HttpConnection(endpoint, _options.Gzip);

            // Connections start with different bodies of the payload, and at a fixed rate also at different moments.
            var requests = new RequestSource(_templates, _options.Gzip, number * 1009);
            var sent = (long)_options.SpansPerRequest * number / _options.Connections;
            var started = Stopwatch.GetTimestamp();
            var sampled = 0;
            while (WaitForTurn(started, sent))
            {
                var (body, bytes) = requests.Next();
                var template = body.Template;
                if (connection.Send(bytes))
                {
                    Interlocked.Add(ref _accepted, template.SpanCount);
                    Interlocked.Add(ref _edges, template.EdgeCount);
                    if (sampled < Stopwatch.GetElapsedTime(started).TotalSeconds * _options.SampledTracesPerSecond)
                    {
                        sampled++;
                        _samples.Enqueue(SampledTrace.Of(body.Bytes, Random.Shared.GetItems(template.TraceIdOffsets, 1)[0]));
                    }
                }
                else
                {
                    Interlocked.Increment(ref _refused);
                }

                Interlocked.Add(ref _spans, template.SpanCount);
                sent += template.SpanCount;
            }
        }
        catch (Exception e)
        {
            _failure = e;
            _stop = true;
        }
    }

    // A late connection catches up. False if the run is over.
    private bool WaitForTurn(long started, long sent)
    {
        if (_options.SpansPerSecond > 0)
        {
            var turn = TimeSpan.FromSeconds((double)sent * _options.Connections / _options.SpansPerSecond);
            while (!_stop && Stopwatch.GetElapsedTime(started) < turn)
                Thread.Sleep(1);
        }

        return !_stop;
    }

    private void Wait(int seconds, bool measured)
    {
        var started = Stopwatch.GetTimestamp();
        var elapsed = TimeSpan.Zero;
        while (!_stop && elapsed.TotalSeconds < seconds)
        {
            Thread.Sleep(10);
            elapsed = Stopwatch.GetElapsedTime(started);
            if (measured && _options.ProcessIds.Count > 0 && elapsed >= MemoryStep * (_memory.Count + 1))
                _memory.Add(ServerUsage.MemoryBytes(_options.ProcessIds));
        }
    }

    private TimeSpan? Cpu() => ServerUsage.Cpu(_options.ProcessIds);
}
