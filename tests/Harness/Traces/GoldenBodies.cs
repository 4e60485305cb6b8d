using Google.Protobuf;
using OrleansTempo.Core;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Tests.Otlp;

namespace OrleansTempo.Harness.Traces;

/// <summary>The bodies of <c>tests/golden</c>, moved in time so that the newest span of each ends now.</summary>
internal static class GoldenBodies
{
    /// <summary>What Tempo wrote to Prometheus for the bodies 01, 02, 03, 05 and 08.</summary>
    public static SeriesValues Expected() => SeriesValues.Parse(File.ReadAllText(Path.Combine(Folder, "expected.prom")));

    /// <summary>What Tempo wrote to Prometheus for all twelve bodies, configured by <see cref="FullConfiguration"/>.</summary>
    public static SeriesValues ExpectedInFull() => SeriesValues.Parse(File.ReadAllText(Path.Combine(Folder, "expected-full.prom")));

    /// <summary>The blocks <c>overrides</c> and <c>metrics_generator</c> of a file with nearly every option of the generator.</summary>
    public static string FullConfiguration() => File.ReadAllText(Path.Combine(Folder, "config-full.yaml")).TrimEnd();

    /// <param name="number">Of the file: 1 for <c>01-rpc-and-db.otlp.pb</c>.</param>
    public static byte[] Read(int number)
    {
        var bytes = File.ReadAllBytes(Directory.GetFiles(Folder, $"{number:00}-*.otlp.pb").Single());
        var request = ExportTraceServiceRequest.Parser.ParseFrom(bytes);
        MoveToNow([.. Spans(request)]);

        var shifted = request.ToByteArray();
        // traces_spanmetrics_size_total counts these bytes.
        return shifted.Length == bytes.Length ? shifted : throw new InvalidOperationException($"body {number} is not encoded as Google.Protobuf encodes it");
    }

    /// <summary>Those whose traces were asked for when Tempo's answers were recorded: all but 09, moved together, so that their traces stay as they are.</summary>
    public static IReadOnlyList<byte[]> ReadQueried()
    {
        ExportTraceServiceRequest[] requests =
        [
            .. Directory.GetFiles(Folder, "*.otlp.pb").Order(StringComparer.Ordinal)
                .Where(path => !Path.GetFileName(path).StartsWith("09-", StringComparison.Ordinal))
                .Select(path => ExportTraceServiceRequest.Parser.ParseFrom(File.ReadAllBytes(path))),
        ];
        MoveToNow([.. requests.SelectMany(Spans)]);
        return [.. requests.Select(request => request.ToByteArray())];
    }

    /// <summary>A client span of one service and the server span of another that it called, 40 ms and 30 ms long, ending now.</summary>
    public static byte[] Call(string client, string server)
    {
        // Two messages with nothing but repeated fields, one behind the other, are one message.
        var (clientSide, serverSide) = Sides(client, server);
        return [.. clientSide, .. serverSide];
    }

    /// <summary>As <see cref="Call"/>, each side in a body of its own.</summary>
    public static (byte[] Client, byte[] Server) Sides(string client, string server)
    {
        var now = UnixNanoseconds();
        var traceId = RandomBytes(16);
        var clientSpanId = RandomBytes(8);
        return (
            Body(client, new Span
            {
                TraceId = traceId,
                SpanId = clientSpanId,
                Name = "call",
                Kind = Span.Types.SpanKind.Client,
                StartTimeUnixNano = now - 40_000_000,
                EndTimeUnixNano = now,
            }),
            Body(server, new Span
            {
                TraceId = traceId,
                SpanId = RandomBytes(8),
                ParentSpanId = clientSpanId,
                Name = "serve",
                Kind = Span.Types.SpanKind.Server,
                StartTimeUnixNano = now - 35_000_000,
                EndTimeUnixNano = now - 5_000_000,
            }));
    }

    private static string Folder => Path.Combine(AppContext.BaseDirectory, "golden");

    private static void MoveToNow(IReadOnlyList<Span> spans)
    {
        var shift = UnixNanoseconds() - spans.Max(span => span.EndTimeUnixNano);
        foreach (var span in spans)
        {
            span.StartTimeUnixNano += shift;
            span.EndTimeUnixNano += shift;
            foreach (var spanEvent in span.Events)
                spanEvent.TimeUnixNano += shift;
        }
    }

    private static IEnumerable<Span> Spans(ExportTraceServiceRequest request) =>
        request.ResourceSpans.SelectMany(resource => resource.ScopeSpans).SelectMany(scope => scope.Spans);

    private static byte[] Body(string service, Span span) => new ExportTraceServiceRequest
    {
        ResourceSpans =
        {
            new ResourceSpans
            {
                Resource = new Resource { Attributes = { new KeyValue { Key = "service.name", Value = new AnyValue { StringValue = service } } } },
                ScopeSpans = { new ScopeSpans { Spans = { span } } },
            },
        },
    }.ToByteArray();

    private static ulong UnixNanoseconds() => (ulong)(DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks * 100;

    private static ByteString RandomBytes(int count)
    {
        var bytes = new byte[count];
        Random.Shared.NextBytes(bytes);
        return ByteString.CopyFrom(bytes);
    }
}
