using OrleansTempo.Tests.Otlp;

namespace OrleansTempo.Harness.Traces;

/// <summary>What a push was answered with.</summary>
/// <param name="Code">The HTTP status, or over gRPC <c>grpc-status</c>.</param>
/// <param name="RejectedSpans">How many spans of an accepted request were left out.</param>
/// <param name="Message">Why spans were left out, or the request was refused.</param>
/// <param name="RetryAfter">When the client should come again, where the answer says so.</param>
internal sealed record OtlpAnswer(int Code, long RejectedSpans, string Message, TimeSpan? RetryAfter)
{
    /// <summary>Whether every span of the request was taken.</summary>
    public bool IsWhole => Code is 0 or 200 && RejectedSpans == 0;

    /// <summary>An answer of success, from its <c>ExportTraceServiceResponse</c>.</summary>
    public static OtlpAnswer Accepted(int code, ReadOnlySpan<byte> body)
    {
        var partial = ExportTraceServiceResponse.Parser.ParseFrom(body).PartialSuccess;
        return new OtlpAnswer(code, partial?.RejectedSpans ?? 0, partial?.ErrorMessage ?? "", null);
    }
}
