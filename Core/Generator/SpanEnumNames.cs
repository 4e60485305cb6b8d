using System.Globalization;
using OrleansTempo.Core.Otlp;

namespace OrleansTempo.Core.Generator;

/// <summary>Kinds and status codes by the names they have in OTLP and so in labels; a number without a name is itself.</summary>
internal static class SpanEnumNames
{
    public static readonly string[] Kinds =
        ["SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER", "SPAN_KIND_CLIENT", "SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER"];

    public static readonly string[] StatusCodes = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

    public static string Of(SpanKind kind) => Name(Kinds, (int)kind);

    public static string Of(StatusCode status) => Name(StatusCodes, (int)status);

    private static string Name(string[] names, int number) =>
        (uint)number < (uint)names.Length ? names[number] : number.ToString(CultureInfo.InvariantCulture);
}
