using System.Security.Cryptography;
using OrleansTempo.Core;

namespace OrleansTempo.Bench.Load;

/// <summary>
/// An acknowledged trace that will be queried later: each of its spans as it was sent, with its resource and scope. A request and
/// Tempo's response have the same layout (<c>ResourceSpans</c> in field 1), so the same code reads both.
/// </summary>
internal sealed class SampledTrace
{
    private const int ResourceSpans = 1, ScopeSpans = 2, Spans = 2, TraceIdField = 1;
    private const int TraceIdLength = 16;

    private readonly HashSet<string> _spans;

    private SampledTrace(string traceId, HashSet<string> spans) => (TraceId, _spans) = (traceId, spans);

    /// <summary>32 hexadecimal digits.</summary>
    public string TraceId { get; }

    public int SpanCount => _spans.Count;

    /// <summary>Takes a sample of a request.</summary>
    /// <param name="request">An <c>ExportTraceServiceRequest</c>.</param>
    /// <param name="traceIdOffset">The offset of the trace ID in it.</param>
    public static SampledTrace Of(byte[] request, int traceIdOffset)
    {
        var traceId = request.AsSpan(traceIdOffset, TraceIdLength).ToArray();
        return new SampledTrace(Convert.ToHexStringLower(traceId), SpansOf(request, traceId));
    }

    /// <summary>The number of spans that are in a response (a <c>Trace</c>) exactly as they were sent.</summary>
    public int CountIn(byte[] answer) => SpansOf(answer, Convert.FromHexString(TraceId)).Count(_spans.Contains);

    private static HashSet<string> SpansOf(byte[] body, byte[] traceId)
    {
        var spans = new HashSet<string>();
        foreach (var resource in ProtobufField.ReadAll(body, 0, body.Length).Where(field => field.Number == ResourceSpans))
        {
            foreach (var scope in ProtobufField.ReadAll(body, resource.Content, resource.End).Where(field => field.Number == ScopeSpans))
            {
                foreach (var span in ProtobufField.ReadAll(body, scope.Content, scope.End).Where(field => field.Number == Spans && IsOf(body, field, traceId)))
                {
                    var whole = new MemoryStream();
                    WriteInOrder(whole, body, resource, ScopeSpans);
                    WriteInOrder(whole, body, scope, Spans);
                    WriteInOrder(whole, body, span, leaveOut: 0);
                    spans.Add(Convert.ToHexString(SHA256.HashData(whole.GetBuffer().AsSpan(0, (int)whole.Length))));
                }
            }
        }

        return spans;
    }

    // Searches for the trace ID first: nearly all spans of a request belong to other traces, and this runs beside the load.
    private static bool IsOf(byte[] body, ProtobufField span, byte[] traceId) =>
        body.AsSpan(span.Content, span.Length).IndexOf(traceId) >= 0
        && ProtobufField.ReadAll(body, span.Content, span.End).Any(field => field.Number == TraceIdField && body.AsSpan(field.Content, field.Length).SequenceEqual(traceId));

    // Sorts fields by number and skips empty ones, because neither the order nor an empty field means anything.
    private static void WriteInOrder(MemoryStream to, byte[] body, ProtobufField message, int leaveOut)
    {
        foreach (var field in ProtobufField.ReadAll(body, message.Content, message.End).Where(field => field.Number != leaveOut && field.Length > 0).OrderBy(field => field.Number))
            to.Write(body, field.Start, field.End - field.Start);
    }
}
