using System.Globalization;
using System.Text;

namespace OrleansTempo.Server.Configuration.Reading;

/// <summary>Durations as Go and Prometheus write them.</summary>
internal static class GoDuration
{
    public const string Allowed = "a Go duration such as 250ms, 15s, 1.5h or 1h30m";
    public const string PrometheusAllowed = "a Prometheus duration such as 250ms, 15s, 1h30m or 7d";

    private static readonly (string Unit, decimal Ticks)[] GoUnits =
    [
        ("ns", 0.01m), ("us", TimeSpan.TicksPerMicrosecond), ("µs", TimeSpan.TicksPerMicrosecond), ("μs", TimeSpan.TicksPerMicrosecond),
        ("ms", TimeSpan.TicksPerMillisecond), ("s", TimeSpan.TicksPerSecond), ("m", TimeSpan.TicksPerMinute), ("h", TimeSpan.TicksPerHour),
    ];

    // In the order in which Prometheus wants them.
    private static readonly (string Unit, long Ticks)[] PrometheusUnits =
    [
        ("y", 365 * TimeSpan.TicksPerDay), ("w", 7 * TimeSpan.TicksPerDay), ("d", TimeSpan.TicksPerDay), ("h", TimeSpan.TicksPerHour),
        ("m", TimeSpan.TicksPerMinute), ("s", TimeSpan.TicksPerSecond), ("ms", TimeSpan.TicksPerMillisecond),
    ];

    /// <summary>Go's <c>time.Duration</c>: numbers with a unit each, fractions and a sign allowed, and a bare 0.</summary>
    public static bool TryParse(string text, out TimeSpan duration)
    {
        duration = TimeSpan.Zero;
        var rest = text.AsSpan();
        var negative = rest.StartsWith("-");
        if (negative || rest.StartsWith("+"))
            rest = rest[1..];
        if (rest is "0")
            return true;
        if (rest.IsEmpty)
            return false;

        var ticks = 0m;
        while (!rest.IsEmpty)
        {
            if (!TakeNumber(ref rest, fraction: true, out var number) || !TakeUnit(ref rest, out var unit))
                return false;

            var index = Array.FindIndex(GoUnits, u => u.Unit == unit);
            if (index < 0)
                return false;
            if (!TryAdd(ref ticks, number, GoUnits[index].Ticks))
                return false;
        }

        duration = TimeSpan.FromTicks((long)Math.Round(negative ? -ticks : ticks));
        return true;
    }

    /// <summary>Prometheus' <c>model.Duration</c>: whole numbers, units from years to milliseconds in that order, each once.</summary>
    public static bool TryParsePrometheus(string text, out TimeSpan duration)
    {
        duration = TimeSpan.Zero;
        var rest = text.AsSpan();
        if (rest is "0")
            return true;
        if (rest.IsEmpty)
            return false;

        var ticks = 0m;
        var last = -1;
        while (!rest.IsEmpty)
        {
            if (!TakeNumber(ref rest, fraction: false, out var number) || !TakeUnit(ref rest, out var unit))
                return false;

            var index = Array.FindIndex(PrometheusUnits, u => u.Unit == unit);
            if (index <= last)
                return false;
            last = index;
            if (!TryAdd(ref ticks, number, PrometheusUnits[index].Ticks))
                return false;
        }

        duration = TimeSpan.FromTicks((long)ticks);
        return true;
    }

    /// <summary>The shortest form that both grammars read: <c>1h30m</c>, <c>250ms</c>, <c>0s</c>.</summary>
    public static string Format(TimeSpan duration)
    {
        if (duration == TimeSpan.Zero)
            return "0s";

        var result = new StringBuilder(duration < TimeSpan.Zero ? "-" : "");
        var rest = duration.Duration();
        Append(result, (long)rest.TotalHours, "h");
        Append(result, rest.Minutes, "m");
        Append(result, rest.Seconds, "s");
        Append(result, rest.Milliseconds, "ms");
        var micros = (rest.Ticks % TimeSpan.TicksPerMillisecond) / (decimal)TimeSpan.TicksPerMicrosecond;
        if (micros != 0)
            result.Append(CultureInfo.InvariantCulture, $"{micros:0.#}us");
        return result.ToString();
    }

    /// <summary>As Go prints it: <c>1m0s</c>, <c>1h30m0s</c>, <c>250ms</c>, <c>1.5s</c>.</summary>
    public static string ToGoString(TimeSpan duration)
    {
        var sign = duration < TimeSpan.Zero ? "-" : "";
        var rest = duration.Duration();
        if (rest < TimeSpan.FromSeconds(1))
        {
            foreach (var (unit, ticks) in (ReadOnlySpan<(string, decimal)>)[("ms", TimeSpan.TicksPerMillisecond), ("µs", TimeSpan.TicksPerMicrosecond), ("ns", 0.01m)])
            {
                if (rest.Ticks >= ticks && rest.Ticks > 0)
                    return string.Create(CultureInfo.InvariantCulture, $"{sign}{rest.Ticks / ticks:0.######}{unit}");
            }

            return "0s";
        }

        var hours = (long)rest.TotalHours;
        var seconds = rest.Seconds + ((rest.Ticks % TimeSpan.TicksPerSecond) / (decimal)TimeSpan.TicksPerSecond);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{sign}{(hours > 0 ? $"{hours}h" : "")}{(hours > 0 || rest.Minutes > 0 ? $"{rest.Minutes}m" : "")}{seconds:0.#######}s");
    }

    private static void Append(StringBuilder result, long value, string unit)
    {
        if (value != 0)
            result.Append(CultureInfo.InvariantCulture, $"{value}{unit}");
    }

    // False where the sum is more than a TimeSpan holds.
    private static bool TryAdd(ref decimal ticks, decimal number, decimal unit)
    {
        if (number > long.MaxValue / unit)
            return false;
        ticks += number * unit;
        return ticks <= long.MaxValue;
    }

    private static bool TakeNumber(ref ReadOnlySpan<char> rest, bool fraction, out decimal number)
    {
        var length = 0;
        while (length < rest.Length && (char.IsAsciiDigit(rest[length]) || (fraction && rest[length] == '.')))
            length++;

        number = 0;
        if (length == 0 || !decimal.TryParse(rest[..length], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out number))
            return false;
        rest = rest[length..];
        return true;
    }

    private static bool TakeUnit(ref ReadOnlySpan<char> rest, out string unit)
    {
        var length = 0;
        while (length < rest.Length && rest[length] != '.' && !char.IsAsciiDigit(rest[length]))
            length++;
        unit = rest[..length].ToString();
        rest = rest[length..];
        return length > 0;
    }
}
