using System.Globalization;
using System.Text;

namespace OrleansTempo.Core.TraceQL.Syntax;

/// <summary>
/// Durations as queries write them. Prometheus' form first (whole numbers, each unit once and in order: <c>1d12h</c>, <c>1h30m</c>), otherwise Go's
/// (<c>16.384s</c>, <c>500us</c>); they are written in Go's.
/// </summary>
internal static class DurationText
{
    private static readonly (string Unit, long Nanoseconds)[] s_prometheusUnits =
    [
        ("y", 365L * 24 * 3_600_000_000_000), ("w", 7L * 24 * 3_600_000_000_000), ("d", 24L * 3_600_000_000_000),
        ("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000),
    ];

    private static readonly Dictionary<string, long> s_goUnits = new()
    {
        ["ns"] = 1,
        ["us"] = 1_000,
        ["µs"] = 1_000,
        ["μs"] = 1_000,
        ["ms"] = 1_000_000,
        ["s"] = 1_000_000_000,
        ["m"] = 60_000_000_000,
        ["h"] = 3_600_000_000_000,
    };

    /// <summary>Reads a duration in nanoseconds; false if it is none, or more than 292 years.</summary>
    public static bool TryRead(string text, out long nanoseconds)
    {
        nanoseconds = 0;
        var parts = Split(text);
        if (parts is null)
            return false;
        decimal sum = 0;
        if (IsPrometheus(parts))
            sum = parts.Sum(static part => Scale(part.Number, s_prometheusUnits.First(unit => unit.Unit == part.Unit).Nanoseconds));
        else if (parts.All(static part => s_goUnits.ContainsKey(part.Unit)))
            sum = parts.Sum(static part => Scale(part.Number, s_goUnits[part.Unit]));
        else
            return false;
        if (sum > long.MaxValue)
            return false;
        nanoseconds = (long)sum;
        return true;
    }

    /// <summary>As Go writes it: <c>1h30m0s</c>, <c>1.5s</c>, <c>100ms</c>, <c>0s</c>.</summary>
    public static string Write(long nanoseconds)
    {
        var text = new StringBuilder(nanoseconds < 0 ? "-" : "");
        var left = nanoseconds < 0 ? 0UL - (ulong)nanoseconds : (ulong)nanoseconds;
        if (left is > 0 and < 1_000_000_000)
        {
            var (unit, size) = left < 1_000 ? ("ns", 1) : left < 1_000_000 ? ("µs", 1_000) : ("ms", 1_000_000);
            return text.Append(((decimal)left / size).ToString("0.######", CultureInfo.InvariantCulture)).Append(unit).ToString();
        }

        var (hours, minutes) = (left / 3_600_000_000_000, left / 60_000_000_000 % 60);
        if (hours > 0)
            text.Append(hours).Append('h');
        if (hours > 0 || minutes > 0)
            text.Append(minutes).Append('m');
        return text.Append(((decimal)(left % 60_000_000_000) / 1_000_000_000).ToString("0.#########", CultureInfo.InvariantCulture)).Append('s').ToString();
    }

    // Numbers and units in turn; null where there is something else.
    private static List<(string Number, string Unit)>? Split(string text)
    {
        var parts = new List<(string, string)>();
        for (var at = 0; at < text.Length;)
        {
            var number = at;
            while (at < text.Length && (char.IsAsciiDigit(text[at]) || text[at] == '.'))
                at++;
            var unit = at;
            while (at < text.Length && char.IsLetter(text[at]))
                at++;
            if (unit == number || at == unit || text.AsSpan(number, unit - number).Count('.') > 1 || text[number..unit] == ".")
                return null;
            parts.Add((text[number..unit], text[unit..at]));
        }

        return parts.Count == 0 ? null : parts;
    }

    private static bool IsPrometheus(List<(string Number, string Unit)> parts)
    {
        var order = parts.Select(static part => Array.FindIndex(s_prometheusUnits, unit => unit.Unit == part.Unit)).ToList();
        return order[0] >= 0 && order.Zip(order.Skip(1)).All(static pair => pair.First < pair.Second) && !parts.Any(static part => part.Number.Contains('.'));
    }

    // Exact, unlike a double; what no decimal holds is out of range anyway.
    private static decimal Scale(string number, long unit) =>
        decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var count) && count <= ((decimal)long.MaxValue / unit) + 1 ? Math.Truncate(count * unit) : long.MaxValue + 1m;
}
