using System.Security.Cryptography;
using OrleansTempo.Core;

namespace OrleansTempo.Bench.Load;

/// <summary>
/// A trace that was acknowledged, to be asked for later: each of its spans as it was sent, with its resource and scope.
/// A request and Tempo's answer have the same layout (<c>ResourceSpans</c> in field 1), so both are read alike.
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

    /// <summary>Remembers a trace of a request.</summary>
    /// <param name="request">An <c>ExportTraceServiceRequest</c>.</param>
    /// <param name="traceIdOffset">Where in it the trace's ID stands.</param>
    public static SampledTrace Of(byte[] request, int traceIdOffset)
    {
        var traceId = request.AsSpan(traceIdOffset, TraceIdLength).ToArray();
        return new SampledTrace(Convert.ToHexStringLower(traceId), SpansOf(request, traceId));
    }

    /// <summary>How many of the spans are in an answer (a <c>Trace</c>) just as they were sent.</summary>
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

    // Searched for first: nearly all spans of a request are of other traces, and this runs beside the load.
    private static bool IsOf(byte[] body, ProtobufField span, byte[] traceId) =>
        body.AsSpan(span.Content, span.Length).IndexOf(traceId) >= 0
        && ProtobufField.ReadAll(body, span.Content, span.End).Any(field => field.Number == TraceIdField && body.AsSpan(field.Content, field.Length).SequenceEqual(traceId));

    // In the order of their numbers, and empty ones as if they were not there: neither means anything.
    private static void WriteInOrder(MemoryStream to, byte[] body, ProtobufField message, int leaveOut)
    {
        foreach (var field in ProtobufField.ReadAll(body, message.Content, message.End).Where(field => field.Number != leaveOut && field.Length > 0).OrderBy(field => field.Number))
            to.Write(body, field.Start, field.End - field.Start);
    }
}
