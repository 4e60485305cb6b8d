using System.Diagnostics;

namespace OrleansTempo.Bench.Load;

/// <summary>Replays the payload over several connections for a while, each sending its next request as soon as the last is answered.</summary>
internal sealed class LoadRun
{
    // Bodies over all connections.
    private const int GzipRing = 64;

    // The server answers before the generator has worked through its queue: that work is counted too.
    private static readonly TimeSpan Drain = TimeSpan.FromSeconds(2);

    private readonly LoadOptions _options;
    private readonly List<PayloadTemplate> _templates;
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
        // Before anything is sent: a wrong --pid usually means a wrong --endpoint.
        _ = Cpu();
        var threads = new List<Thread>();
        for (var connection = 0; connection < _options.Connections; connection++)
        {
            // Connections begin at different bodies of the payload.
            var first = connection * 1009;
            var thread = new Thread(() => SendUntilStopped(first)) { IsBackground = true, Name = $"connection {connection}" };
            thread.Start();
            threads.Add(thread);
        }

        Wait(_options.WarmUpSeconds);
        var cpuBefore = Cpu();
        var spansBefore = Interlocked.Read(ref _spans);
        var started = Stopwatch.GetTimestamp();
        Wait(_options.Seconds);
        var elapsed = Stopwatch.GetElapsedTime(started);
        var spans = Interlocked.Read(ref _spans) - spansBefore;
        _stop = true;
        foreach (var thread in threads)
            thread.Join();
        if (_failure is { } failure)
            throw new IOException($"a connection to {_options.Endpoint} failed: {failure.Message}", failure);
        Thread.Sleep(Drain);

        return new LoadResult
        {
            Options = _options,
            SpansSent = spans,
            SpansAccepted = _accepted,
            EdgesAccepted = _edges,
            Elapsed = elapsed,
            ServerCpu = Cpu() - cpuBefore,
            PeakMemoryBytes = _options.ProcessId is { } id ? ServerUsage.PeakMemoryBytes(id) : null,
            RefusedRequests = _refused,
        };
    }

    private void SendUntilStopped(int first)
    {
        try
        {
            using IConnection connection = _options.Grpc
                ? new GrpcConnection(_options.Endpoint, _options.Gzip)
                : new HttpConnection(_options.Endpoint, _options.Gzip);
            var requests = new RequestSource(_templates, _options.Gzip, Math.Max(1, GzipRing / _options.Connections), first);
            while (!_stop)
            {
                var (template, body) = requests.Next();
                if (connection.Send(body))
                {
                    Interlocked.Add(ref _accepted, template.SpanCount);
                    Interlocked.Add(ref _edges, template.EdgeCount);
                }
                else
                {
                    Interlocked.Increment(ref _refused);
                }

                Interlocked.Add(ref _spans, template.SpanCount);
            }
        }
        catch (Exception e)
        {
            _failure = e;
            _stop = true;
        }
    }

    private void Wait(int seconds)
    {
        var until = Stopwatch.GetTimestamp() + seconds * Stopwatch.Frequency;
        while (!_stop && Stopwatch.GetTimestamp() < until)
            Thread.Sleep(10);
    }

    private TimeSpan? Cpu() => _options.ProcessId is { } id ? ServerUsage.Cpu(id) : null;
}
