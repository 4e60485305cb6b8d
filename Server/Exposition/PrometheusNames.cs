using System.Diagnostics.Metrics;

namespace OrleansTempo.Server.Exposition;

/// <summary>Converts the names of .NET instruments to Prometheus names.</summary>
public static class PrometheusNames
{
    /// <summary>The meter of .NET itself.</summary>
    public const string RuntimeMeter = "System.Runtime";

    /// <summary>Replaces the characters that Prometheus does not allow in names.</summary>
    public static string Sanitize(string name) => string.Create(name.Length, name, static (target, source) =>
    {
        for (var i = 0; i < source.Length; i++)
            target[i] = char.IsAsciiLetterOrDigit(source[i]) ? source[i] : '_';
    });

    /// <summary>Whether the values of an instrument can go down, whatever its type: those of two counters of the runtime do.</summary>
    public static bool IsGauge(Instrument instrument) =>
        instrument.Name is "dotnet.thread_pool.thread.count" or "dotnet.thread_pool.queue.length" || instrument.GetType().Name is not ("Counter`1" or "ObservableCounter`1");

    /// <summary>The name with its unit and the suffix of a counter: <c>dotnet.gc.pause.time</c>, a counter of seconds, becomes <c>dotnet_gc_pause_time_seconds_total</c>.</summary>
    public static string WithSuffixes(Instrument instrument)
    {
        var name = Sanitize(instrument.Name);
        var unit = instrument.Unit switch { "By" => "_bytes", "s" => "_seconds", "ms" => "_milliseconds", _ => "" };
        if (!name.EndsWith(unit, StringComparison.Ordinal))
            name += unit;
        return IsGauge(instrument) || name.EndsWith("_total", StringComparison.Ordinal) ? name : name + "_total";
    }
}
