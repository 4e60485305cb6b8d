using OrleansTempo.Core;

namespace OrleansTempo.Bench.Load;

/// <summary>
/// One recorded request, and the positions of the bytes that must differ from send to send. They are found once, so that
/// refreshing a body costs a few nanoseconds per span.
/// </summary>
internal sealed class PayloadTemplate
{
    // OTLP's field numbers.
    private const int ResourceSpans = 1, ScopeSpans = 2, Spans = 2;
    private const int TraceId = 1, ParentSpanId = 4, Kind = 6, StartTime = 7, EndTime = 8, Events = 11, EventTime = 1;
    private const ulong Server = 2, Client = 3, Producer = 4, Consumer = 5;

    private PayloadTemplate(byte[] bytes)
    {
        Bytes = bytes;
        var traceIds = new List<int>();
        var times = new List<int>();
        foreach (var resource in ProtobufField.ReadAll(bytes, 0, bytes.Length).Where(field => field.Number == ResourceSpans))
            foreach (var scope in ProtobufField.ReadAll(bytes, resource.Content, resource.End).Where(field => field.Number == ScopeSpans))
                foreach (var span in ProtobufField.ReadAll(bytes, scope.Content, scope.End).Where(field => field.Number == Spans))
                    ReadSpan(span, traceIds, times);
        TraceIdOffsets = [.. traceIds];
        TimeOffsets = [.. times];
    }

    public byte[] Bytes { get; }

    /// <summary>The offsets of the 16 bytes of each span's trace ID.</summary>
    public int[] TraceIdOffsets { get; }

    /// <summary>The offsets of the 8 bytes of each start, end and event time.</summary>
    public int[] TimeOffsets { get; }

    public int SpanCount { get; private set; }

    /// <summary>
    /// The number of service graph edges that these spans form: one per client or producer span, and one per root server span. This
    /// holds for payloads like ours, where every client span has its server span or is a database request, and no parent is missing.
    /// </summary>
    public int EdgeCount { get; private set; }

    /// <summary>The latest end of a span, in nanoseconds since 1970.</summary>
    public ulong NewestEnd { get; private set; }

    /// <summary>Reads the <c>*.otlp.pb</c> files of a folder, and splits each into requests of whole traces with at least <paramref name="spansPerRequest"/> spans.</summary>
    public static List<PayloadTemplate> ReadFolder(string folder, int spansPerRequest)
    {
        var files = Directory.Exists(folder) ? Directory.GetFiles(folder, "*.otlp.pb").Order().ToList() : [];
        if (files.Count == 0)
            throw new FileNotFoundException($"--payload {folder}: a folder with *.otlp.pb files (ExportTraceServiceRequest) is needed");

        var templates = new List<PayloadTemplate>();
        foreach (var file in files)
        {
            var whole = new PayloadTemplate(File.ReadAllBytes(file));
            if (whole.SpanCount <= spansPerRequest)
                templates.Add(whole);
            else
                templates.AddRange(whole.Split(spansPerRequest));
        }

        return templates;
    }

    private IEnumerable<PayloadTemplate> Split(int spansPerRequest)
    {
        var group = new HashSet<string>();
        var spans = 0;
        foreach (var trace in TraceIdOffsets.GroupBy(offset => Convert.ToHexString(Bytes, offset, 16)))
        {
            group.Add(trace.Key);
            spans += trace.Count();
            if (spans < spansPerRequest)
                continue;
            yield return Only(group);
            group.Clear();
            spans = 0;
        }

        if (spans > 0)
            yield return Only(group);
    }

    // Returns the same request with only the spans of these traces, and without what becomes empty.
    private PayloadTemplate Only(HashSet<string> traces)
    {
        var request = new MemoryStream();
        foreach (var resource in ProtobufField.ReadAll(Bytes, 0, Bytes.Length))
        {
            var resourceSpans = new MemoryStream();
            var kept = false;
            foreach (var scope in ProtobufField.ReadAll(Bytes, resource.Content, resource.End))
            {
                if (scope.Number != ScopeSpans)
                {
                    resourceSpans.Write(Bytes, scope.Start, scope.End - scope.Start);
                    continue;
                }

                var scopeSpans = new MemoryStream();
                var keptHere = false;
                foreach (var span in ProtobufField.ReadAll(Bytes, scope.Content, scope.End))
                {
                    if (span.Number == Spans && !traces.Contains(TraceOf(span)))
                        continue;
                    keptHere |= span.Number == Spans;
                    scopeSpans.Write(Bytes, span.Start, span.End - span.Start);
                }

                if (keptHere)
                    WriteMessage(resourceSpans, ScopeSpans, scopeSpans);
                kept |= keptHere;
            }

            if (kept)
                WriteMessage(request, ResourceSpans, resourceSpans);
        }

        return new PayloadTemplate(request.ToArray());
    }

    private string TraceOf(ProtobufField span)
    {
        var traceId = ProtobufField.ReadAll(Bytes, span.Content, span.End).Single(field => field.Number == TraceId);
        return Convert.ToHexString(Bytes, traceId.Content, traceId.Length);
    }

    private void ReadSpan(ProtobufField span, List<int> traceIds, List<int> times)
    {
        ulong kind = 0;
        var isRoot = true;
        foreach (var field in ProtobufField.ReadAll(Bytes, span.Content, span.End))
        {
            switch (field.Number)
            {
                case TraceId when field.Length == 16:
                    traceIds.Add(field.Content);
                    break;
                case ParentSpanId:
                    isRoot = field.Length == 0;
                    break;
                case Kind:
                    kind = field.ReadNumber(Bytes);
                    break;
                case StartTime:
                    times.Add(field.Content);
                    break;
                case EndTime:
                    times.Add(field.Content);
                    NewestEnd = Math.Max(NewestEnd, field.ReadNumber(Bytes));
                    break;
                case Events:
                    times.AddRange(ProtobufField.ReadAll(Bytes, field.Content, field.End).Where(inner => inner.Number == EventTime).Select(inner => inner.Content));
                    break;
            }
        }

        SpanCount++;
        if (kind is Client or Producer || isRoot && kind is (Server or Consumer))
            EdgeCount++;
    }

    private static void WriteMessage(MemoryStream to, int number, MemoryStream content)
    {
        to.WriteByte((byte)(number << 3 | 2));
        var length = (uint)content.Length;
        for (; length >= 0x80; length >>= 7)
            to.WriteByte((byte)(length | 0x80));
        to.WriteByte((byte)length);
        content.WriteTo(to);
    }
}
