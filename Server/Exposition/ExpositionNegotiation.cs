using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace OrleansTempo.Server.Exposition;

/// <summary>Chooses the format with the highest weight in the request's <c>Accept</c> header, and OpenMetrics on a tie.</summary>
internal static class ExpositionNegotiation
{
    public static ExpositionFormat Choose(HttpRequest request)
    {
        double openMetrics = 0, text = 0;
        foreach (var range in request.Headers.Accept.ToString().Split(',', StringSplitOptions.TrimEntries))
        {
            var parts = range.Split(';', StringSplitOptions.TrimEntries);
            var weight = Weight(parts);
            if (parts[0].Equals("application/openmetrics-text", StringComparison.OrdinalIgnoreCase) && SpeaksVersion(parts))
                openMetrics = Math.Max(openMetrics, weight);
            else if (parts[0].Equals("text/plain", StringComparison.OrdinalIgnoreCase) || parts[0] is "text/*" or "*/*")
                text = Math.Max(text, weight);
        }

        return openMetrics > 0 && openMetrics >= text ? ExpositionFormat.OpenMetrics : ExpositionFormat.Prometheus;
    }

    public static string ContentType(ExpositionFormat format) => format == ExpositionFormat.OpenMetrics
        ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
        : "text/plain; version=0.0.4; charset=utf-8";

    private static bool SpeaksVersion(string[] parts)
    {
        var version = Array.Find(parts, static p => p.StartsWith("version=", StringComparison.OrdinalIgnoreCase));
        return version is null || version.AsSpan("version=".Length).Trim('"') is "1.0.0";
    }

    private static double Weight(string[] parts)
    {
        var q = Array.Find(parts, static p => p.StartsWith("q=", StringComparison.OrdinalIgnoreCase));
        return q is null ? 1 : double.TryParse(q.AsSpan(2), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var weight) ? weight : 0;
    }
}
