using Google.Protobuf;
using OrleansTempo.Core;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Tests.Otlp;
using Span = OrleansTempo.Tests.Otlp.Span;

namespace OrleansTempo.Cluster.Harness;

/// <summary>
/// Senders that push small calls (a client's span and a server's) to any of some silos, and each request again, to the next one, until it is
/// acknowledged: as an OpenTelemetry SDK behind a load balancer does. They count what was acknowledged.
/// </summary>
internal sealed class CountedLoad(IReadOnlyList<SiloProcess> silos, SentSpans sent, int senders = 4)
{
    private const int CallsPerRequest = 20;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    private long _calls;
    private long _resent;

    /// <summary>Calls in acknowledged requests, of two spans each.</summary>
    public long Calls => Interlocked.Read(ref _calls);

    /// <summary>Calls in requests that got no answer and were sent again: they may have been counted twice.</summary>
    public long Resent => Interlocked.Read(ref _resent);

    /// <summary>The longest that a request took until it was acknowledged.</summary>
    public TimeSpan Longest { get; private set; }

    /// <summary>Refusals that did not say when to come again.</summary>
    public List<OtlpAnswer> BadRefusals { get; } = [];

    /// <summary>Begins to send; the returned function stops it, when all that was begun is acknowledged.</summary>
    public Func<Task> Start()
    {
        var stop = new CancellationTokenSource();
        var running = Task.WhenAll(Enumerable.Range(0, senders).Select(number => Task.Run(() => SendAsync(new Random(number), stop.Token))));
        return async () =>
        {
            await stop.CancelAsync();
            await running;
            stop.Dispose();
        };
    }

    private async Task SendAsync(Random random, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            var request = sent.Add(Request(random));
            var begun = DateTime.UtcNow;
            for (var attempt = random.Next(silos.Count); !await TryAsync(silos[attempt % silos.Count], request.Body, attempt % 2 == 0); attempt++)
            {
                if (DateTime.UtcNow - begun > TimeSpan.FromSeconds(60))
                    throw new TimeoutException("a request was not acknowledged within a minute");
                await Task.Delay(50);
            }

            request.Acknowledge();
            Interlocked.Add(ref _calls, CallsPerRequest);
            lock (BadRefusals)
                Longest = DateTime.UtcNow - begun is var took && took > Longest ? took : Longest;
            await Task.Delay(random.Next(20), CancellationToken.None);
        }
    }

    private async Task<bool> TryAsync(SiloProcess silo, byte[] body, bool overGrpc)
    {
        using var timeout = new CancellationTokenSource(s_patience);
        try
        {
            var answer = overGrpc
                ? await silo.Sender.PushOverGrpcAsync(body, cancellationToken: timeout.Token)
                : await silo.Sender.PushAsync(body, cancellationToken: timeout.Token);
            if (answer.IsWhole)
                return true;
            if (answer.RetryAfter is null)
            {
                lock (BadRefusals)
                    BadRefusals.Add(answer);
            }
        }
        catch (HttpRequestException e) when (e.HttpRequestError == HttpRequestError.ConnectionError)
        {
            // Nobody is there: nothing was sent.
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            Interlocked.Add(ref _resent, CallsPerRequest);
        }

        return false;
    }

    private static ExportTraceServiceRequest Request(Random random)
    {
        var (web, shop) = (Resource("web"), Resource("shop"));
        for (var i = 0; i < CallsPerRequest; i++)
        {
            var trace = ByteString.CopyFrom(Guid.NewGuid().ToByteArray());
            var client = TestBatch.SpanId((ulong)random.NextInt64(1, long.MaxValue));
            web.ScopeSpans[0].Spans.Add(Span(trace, client, ByteString.Empty, "GET shop", OrleansTempo.Tests.Otlp.Span.Types.SpanKind.Client));
            shop.ScopeSpans[0].Spans.Add(Span(trace, TestBatch.SpanId((ulong)random.NextInt64(1, long.MaxValue)), client, "GET /items", OrleansTempo.Tests.Otlp.Span.Types.SpanKind.Server));
        }

        return new ExportTraceServiceRequest { ResourceSpans = { web, shop } };
    }

    private static ResourceSpans Resource(string service) => new()
    {
        Resource = new Resource { Attributes = { new KeyValue { Key = "service.name", Value = new AnyValue { StringValue = service } } } },
        ScopeSpans = { new ScopeSpans { Scope = new InstrumentationScope { Name = "test" } } },
    };

    private static Span Span(ByteString trace, ByteString id, ByteString parent, string name, Span.Types.SpanKind kind)
    {
        var now = (ulong)(DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks * 100;
        return new Span { TraceId = trace, SpanId = id, ParentSpanId = parent, Name = name, Kind = kind, StartTimeUnixNano = now - 1_000_000, EndTimeUnixNano = now, Status = new Status() };
    }
}
