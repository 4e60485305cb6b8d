using System.Globalization;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Generator.SpanMetrics;

/// <summary>The OTLP names of span kinds and status codes, which are the values of their labels; a number without a name is written as the number.</summary>
internal static class SpanEnumNames
{
    public static readonly string[] Kinds =
        ["SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER", "SPAN_KIND_CLIENT", "SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER"];

    public static readonly string[] StatusCodes = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

    public static string Of(SpanKind kind) => Of((int)kind, Kinds);

    public static string Of(StatusCode status) => Of((int)status, StatusCodes);

    public static string Of(int number, string[] names) =>
        (uint)number < (uint)names.Length ? names[number] : number.ToString(CultureInfo.InvariantCulture);
}
