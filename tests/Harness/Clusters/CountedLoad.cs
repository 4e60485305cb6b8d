using Google.Protobuf;
using OrleansTempo.Core;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Tests.Otlp;
using Span = OrleansTempo.Tests.Otlp.Span;

namespace OrleansTempo.Harness.Clusters;

/// <summary>
/// Senders that push small calls (a client's span and a server's) to any of some silos, and each request again, to the next one, until it is
/// acknowledged: as an OpenTelemetry SDK behind a load balancer does. They count what was acknowledged.
/// </summary>
/// <param name="targets">The silos that requests may go to now; as long as there are none, senders wait.</param>
/// <param name="sent">Where spans are noted.</param>
/// <param name="senders">How many requests are under way at most.</param>
internal sealed class CountedLoad(Func<IReadOnlyList<SiloProcess>> targets, SentSpans sent, int senders = 4)
{
    // As patient as nobody is: what takes longer than a client waits is to be seen, and not to be cut short.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    private readonly Lock _lock = new();
    private readonly List<Acknowledgement> _acknowledgements = [];
    private readonly HashSet<string> _refusals = [];
    private long _calls;
    private long _resent;
    private TimeSpan _longestAnswer;

    public CountedLoad(IReadOnlyList<SiloProcess> silos, SentSpans sent, int senders = 4)
        : this(() => silos, sent, senders)
    {
    }

    /// <summary>Who sends; part of its services' names. Null for a silo of one tenant.</summary>
    public string? Tenant { get; init; }

    /// <summary>Calls in a request, of two spans each.</summary>
    public int CallsPerRequest { get; init; } = 20;

    /// <summary>Whether all calls of a request are one trace, which is acknowledged whole or not at all; or else each is one of its own.</summary>
    public bool IsOneTrace { get; init; }

    /// <summary>How long a sender rests at most between two requests.</summary>
    public TimeSpan Rest { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>For how long a request is sent again and again.</summary>
    public TimeSpan GivesUpAfter { get; init; } = TimeSpan.FromMinutes(1);

    public SentSpans Sent => sent;

    /// <summary>Calls in acknowledged requests, of two spans each.</summary>
    public long Calls => Interlocked.Read(ref _calls);

    /// <summary>Calls in requests that got no answer and were sent again: they may have been counted twice.</summary>
    public long Resent => Interlocked.Read(ref _resent);

    /// <summary>The longest that a request took until it was acknowledged.</summary>
    public TimeSpan Longest => Acknowledgements.Select(static request => request.Took).DefaultIfEmpty().Max();

    /// <summary>The longest that a silo took for an answer, of whatever kind, or that a sender waited for one that never came.</summary>
    public TimeSpan LongestAnswer
    {
        get
        {
            lock (_lock)
                return _longestAnswer;
        }
    }

    /// <summary>The requests that were acknowledged, oldest first.</summary>
    public IReadOnlyList<Acknowledgement> Acknowledgements
    {
        get
        {
            lock (_lock)
                return [.. _acknowledgements];
        }
    }

    /// <summary>The texts of all refusals.</summary>
    public IReadOnlyCollection<string> Refusals
    {
        get
        {
            lock (_lock)
                return [.. _refusals];
        }
    }

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
            for (var attempt = random.Next(100); !await TryAsync(targets(), request.Body, attempt); attempt++)
            {
                if (DateTime.UtcNow - begun > GivesUpAfter)
                    throw new TimeoutException($"a request was not acknowledged within {GivesUpAfter.TotalSeconds} s");
                await Task.Delay(50);
            }

            request.Acknowledge();
            Interlocked.Add(ref _calls, CallsPerRequest);
            lock (_lock)
                _acknowledgements.Add(new(DateTime.UtcNow, DateTime.UtcNow - begun));
            await Task.Delay(random.Next((int)Rest.TotalMilliseconds), CancellationToken.None);
        }
    }

    private async Task<bool> TryAsync(IReadOnlyList<SiloProcess> silos, byte[] body, int attempt)
    {
        if (silos.Count == 0)
            return false;
        var silo = silos[attempt % silos.Count];
        var begun = DateTime.UtcNow;
        using var timeout = new CancellationTokenSource(s_patience);
        try
        {
            var answer = attempt % 2 == 0
                ? await silo.Sender.PushOverGrpcAsync(body, Tenant, timeout.Token)
                : await silo.Sender.PushAsync(body, Tenant, timeout.Token);
            if (answer.IsWhole)
                return true;
            lock (_lock)
            {
                _refusals.Add(answer.Message);
                if (answer.RetryAfter is null)
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
        finally
        {
            var took = DateTime.UtcNow - begun;
            lock (_lock)
                _longestAnswer = took > _longestAnswer ? took : _longestAnswer;
        }

        return false;
    }

    private ExportTraceServiceRequest Request(Random random)
    {
        var (web, shop) = (Resource("web" + Tenant), Resource("shop" + Tenant));
        ByteString? common = IsOneTrace ? NewTrace() : null;
        for (var i = 0; i < CallsPerRequest; i++)
        {
            var trace = common ?? NewTrace();
            var client = TestBatch.SpanId((ulong)random.NextInt64(1, long.MaxValue));
            web.ScopeSpans[0].Spans.Add(Span(trace, client, ByteString.Empty, "GET shop", OrleansTempo.Tests.Otlp.Span.Types.SpanKind.Client));
            shop.ScopeSpans[0].Spans.Add(Span(trace, TestBatch.SpanId((ulong)random.NextInt64(1, long.MaxValue)), client, "GET /items", OrleansTempo.Tests.Otlp.Span.Types.SpanKind.Server));
        }

        return new ExportTraceServiceRequest { ResourceSpans = { web, shop } };
    }

    private static ByteString NewTrace() => ByteString.CopyFrom(Guid.NewGuid().ToByteArray());

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

    /// <summary>A request that was acknowledged.</summary>
    /// <param name="At">When.</param>
    /// <param name="Took">How long after it was sent for the first time.</param>
    internal readonly record struct Acknowledgement(DateTime At, TimeSpan Took);
}
