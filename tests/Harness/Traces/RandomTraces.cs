using System.Globalization;
using Google.Protobuf;
using OrleansTempo.Core;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Tests.Otlp;

namespace OrleansTempo.Harness.Traces;

/// <summary>
/// Requests of made-up traces with all that OTLP has: of one span or some hundred, over several resources and scopes, whole in one
/// request or in pieces over several; attributes of few values and of ones that never come again, events, links, statuses.
/// The same for the same seed. Used by one sender at a time.
/// </summary>
internal sealed class RandomTraces
{
    private static readonly string[] s_services = ["frontend", "cart", "checkout", "payment", "shipping", "ads", "recommendation", "currency"];
    private static readonly string[] s_operations = ["GET /", "GET /product/{id}", "POST /cart", "SELECT items", "publish orders", "charge", ""];

    private readonly Random _random;
    private readonly int _padding;
    private readonly Resource[] _resources;
    private readonly InstrumentationScope[] _scopes;

    // Of traces that have begun and have more to come.
    private readonly List<Queue<Piece>> _unfinished = [];

    /// <param name="seed">Which of all possible requests.</param>
    /// <param name="padding">Bytes that no compression makes smaller, in an attribute of each span; 0 for none.</param>
    public RandomTraces(int seed, int padding = 0)
    {
        _random = new Random(seed);
        _padding = padding;
        _resources = [.. s_services.Select(Resource)];
        _scopes =
        [
            new InstrumentationScope { Name = "io.example.http", Version = "1.4.0" },
            new InstrumentationScope { Name = "io.example.db", Attributes = { String("library", "driver"), Int("build", 7) }, DroppedAttributesCount = 2 },
            new InstrumentationScope(),
        ];
    }

    /// <summary>The next request, of about <paramref name="spans"/> spans.</summary>
    public ExportTraceServiceRequest Next(int spans)
    {
        var pieces = new List<Piece>();
        while (pieces.Count < spans)
        {
            Queue<Piece> trace;
            if (_unfinished.Count > 0 && _random.Next(2) == 0)
            {
                var index = _random.Next(_unfinished.Count);
                trace = _unfinished[index];
                _unfinished.RemoveAt(index);
            }
            else
            {
                trace = new Queue<Piece>(Trace());
            }

            var now = _random.Next(3) == 0 ? _random.Next(1, trace.Count + 1) : trace.Count;
            for (var i = 0; i < now; i++)
                pieces.Add(trace.Dequeue());
            if (trace.Count > 0)
                _unfinished.Add(trace);
        }

        var request = new ExportTraceServiceRequest();
        foreach (var resource in pieces.GroupBy(static piece => (piece.Resource, piece.ResourceSchema)))
        {
            var resourceSpans = new ResourceSpans { Resource = resource.Key.Resource, SchemaUrl = resource.Key.ResourceSchema };
            foreach (var scope in resource.GroupBy(static piece => (piece.Scope, piece.ScopeSchema)))
                resourceSpans.ScopeSpans.Add(new ScopeSpans { Scope = scope.Key.Scope, SchemaUrl = scope.Key.ScopeSchema, Spans = { scope.Select(static piece => piece.Span) } });
            request.ResourceSpans.Add(resourceSpans);
        }

        return request;
    }

    private static KeyValue String(string key, string value) => new() { Key = key, Value = new AnyValue { StringValue = value } };

    private static KeyValue Int(string key, long value) => new() { Key = key, Value = new AnyValue { IntValue = value } };

    private Piece[] Trace()
    {
        var spans = _random.Next(40) switch
        {
            0 => _random.Next(100, 400),
            < 8 => _random.Next(10, 60),
            _ => _random.Next(1, 10),
        };
        var traceId = Bytes(16);
        var resources = Enumerable.Range(0, _random.Next(1, 4)).Select(_ => AnyResource()).ToArray();
        var trace = new Piece[spans];
        for (var i = 0; i < spans; i++)
        {
            var scope = Any(_scopes);
            var resource = Any(resources);
            var parent = i > 0 ? trace[_random.Next(i)].Span.SpanId : ByteString.Empty;
            trace[i] = new Piece(resource, resource is { DroppedAttributesCount: > 0 } ? "https://example.com/resource/1.2" : "", scope, scope?.Version == "1.4.0" ? "https://example.com/scope/1.1" : "", Span(traceId, parent));
        }

        _random.Shuffle(trace);
        return trace;
    }

    // Most are known; some are of a process that nobody heard of before; few have none at all.
    private Resource? AnyResource() => _random.Next(30) switch
    {
        0 => null,
        1 => Resource("short-lived-" + Hex(4)),
        _ => Any(_resources),
    };

    private Resource Resource(string service) => new()
    {
        Attributes =
        {
            String("service.name", service),
            String("service.instance.id", Hex(8)),
            Int("process.pid", _random.Next(100_000)),
            new KeyValue { Key = "process.command_args", Value = new AnyValue { ArrayValue = new ArrayValue { Values = { new AnyValue { StringValue = "-v" }, new AnyValue { BoolValue = true } } } } },
        },
        DroppedAttributesCount = (uint)_random.Next(2),
    };

    private Span Span(ByteString traceId, ByteString parent)
    {
        var start = (ulong)(DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks * 100 - (ulong)_random.Next(1_000_000_000);
        var span = new Span
        {
            TraceId = traceId,
            SpanId = Bytes(8),
            ParentSpanId = parent,
            Name = Any(s_operations),
            Kind = (Span.Types.SpanKind)_random.Next(6),
            StartTimeUnixNano = start,
            EndTimeUnixNano = start + (ulong)_random.Next(1_000_000_000),
            TraceState = _random.Next(10) == 0 ? "vendor=" + Hex(4) : "",
            Flags = _random.Next(3) == 0 ? 0x101u : 0,
            Attributes = { Attributes(_random.Next(8)) },
            DroppedAttributesCount = _random.Next(20) == 0 ? 3u : 0,
            DroppedEventsCount = _random.Next(20) == 0 ? 4u : 0,
            DroppedLinksCount = _random.Next(20) == 0 ? 5u : 0,
        };
        if (_random.Next(3) == 0)
            span.Status = new Status { Code = (Status.Types.StatusCode)_random.Next(3), Message = _random.Next(2) == 0 ? "declined " + Hex(3) : "" };
        for (var i = _random.Next(8); i > 5; i--)
            span.Events.Add(new Span.Types.Event { TimeUnixNano = start + (ulong)i, Name = "exception", Attributes = { Attributes(2) }, DroppedAttributesCount = (uint)_random.Next(2) });
        for (var i = _random.Next(10); i > 7; i--)
            span.Links.Add(new Span.Types.Link { TraceId = Bytes(16), SpanId = Bytes(8), TraceState = "a=b", Attributes = { Attributes(1) }, Flags = (uint)_random.Next(2) });
        if (_padding > 0)
            span.Attributes.Add(new KeyValue { Key = "padding", Value = new AnyValue { BytesValue = Bytes(_padding) } });
        return span;
    }

    private KeyValue[] Attributes(int count)
    {
        var attributes = new KeyValue[count];
        for (var i = 0; i < count; i++)
        {
            attributes[i] = _random.Next(9) switch
            {
                0 => String("http.method", Any(["GET", "POST", "DELETE"])),
                1 => Int("http.status_code", Any([200, 404, 503])),
                2 => String("user.id", Hex(8)),
                3 => Int("message.offset", _random.NextInt64()),
                4 => new KeyValue { Key = "sampled", Value = new AnyValue { BoolValue = _random.Next(2) == 0 } },
                5 => new KeyValue { Key = "load", Value = new AnyValue { DoubleValue = _random.NextDouble() } },
                6 => new KeyValue { Key = "digest", Value = new AnyValue { BytesValue = Bytes(_random.Next(20)) } },
                7 => new KeyValue { Key = "query", Value = new AnyValue { KvlistValue = new KeyValueList { Values = { String("table", "items"), Int("rows", _random.Next(5)) } } } },
                _ => String("stack." + _random.Next(3).ToString(CultureInfo.InvariantCulture), new string('x', _random.Next(300)) + Hex(2)),
            };
        }

        return attributes;
    }

    private T Any<T>(T[] values) => values[_random.Next(values.Length)];

    private string Hex(int bytes) => Convert.ToHexStringLower(Bytes(bytes).Span);

    private ByteString Bytes(int count)
    {
        var bytes = new byte[count];
        _random.NextBytes(bytes);
        return ByteString.CopyFrom(bytes);
    }

    private sealed record Piece(Resource? Resource, string ResourceSchema, InstrumentationScope? Scope, string ScopeSchema, Span Span);
}
