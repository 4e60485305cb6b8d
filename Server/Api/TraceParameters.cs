using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;
using OrleansTempo.Core;
using OrleansTempo.Core.Querier.Traces;

namespace OrleansTempo.Server.Api;

/// <summary>Reads what a query for a trace asks for; errors are in Tempo's words, which Grafana shows to its users.</summary>
internal static class TraceParameters
{
    private static readonly string[] s_modes = ["all", "ingesters", "blocks", "external"];

    /// <summary>A trace ID of up to 32 hexadecimal digits; a shorter one is padded with zeros on the left.</summary>
    public static bool TryReadTraceId(string text, out TraceId id, [NotNullWhen(false)] out string? error)
    {
        error = null;
        if (TraceId.TryParse(text, out id))
            return true;

        // Tempo counts the bytes of the ID's UTF-8.
        var position = 1;
        foreach (var rune in text.EnumerateRunes())
        {
            if (!rune.IsAscii || !char.IsAsciiHexDigit((char)rune.Value))
            {
                error = string.Create(CultureInfo.InvariantCulture, $"trace IDs can only contain hex characters: invalid character '{rune}' at position {position}");
                return false;
            }

            position += rune.Utf8SequenceLength;
        }

        error = "trace IDs can't be larger than 128 bits";
        return false;
    }

    /// <summary><c>start</c> and <c>end</c>, in seconds; <c>mode</c>, which chooses among Tempo's own processes, is checked and has no effect.</summary>
    public static bool TryReadRange(IQueryCollection query, out TraceRange range, [NotNullWhen(false)] out string? error)
    {
        range = default;
        var mode = First(query, "mode");
        if (mode.Length > 0 && !s_modes.Contains(mode))
        {
            error = $"invalid value for mode {mode}";
            return false;
        }

        if (!TryReadSeconds(query, "start", out var start, out error) || !TryReadSeconds(query, "end", out var end, out error))
            return false;
        if (end <= start)
        {
            error = string.Create(CultureInfo.InvariantCulture, $"http parameter start must be before end. received start={start} end={end}");
            return false;
        }

        range = new TraceRange(start, end);
        return true;
    }

    private static bool TryReadSeconds(IQueryCollection query, string name, out long? seconds, [NotNullWhen(false)] out string? error)
    {
        error = null;
        seconds = null;
        var text = First(query, name);
        if (text.Length == 0)
            return true;
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value))
        {
            seconds = value;
            return true;
        }

        var digits = text.AsSpan(text[0] is '+' or '-' ? 1 : 0);
        var isNumber = !digits.IsEmpty && !digits.ContainsAnyExceptInRange('0', '9');
        error = $"invalid {name}: strconv.ParseInt: parsing \"{text}\": {(isNumber ? "value out of range" : "invalid syntax")}";
        return false;
    }

    private static string First(IQueryCollection query, string name) => query[name] is [{ } first, ..] ? first : "";
}
