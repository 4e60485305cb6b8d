using System.Diagnostics.Metrics;

namespace OrleansTempo.Server.Exposition;

/// <summary>Names as Prometheus has them, for instruments that are named in .NET's way.</summary>
public static class PrometheusNames
{
    /// <summary>The meter of .NET itself.</summary>
    public const string RuntimeMeter = "System.Runtime";

    /// <summary>A name of the letters that Prometheus allows.</summary>
    public static string Sanitize(string name) => string.Create(name.Length, name, static (target, source) =>
    {
        for (var i = 0; i < source.Length; i++)
            target[i] = char.IsAsciiLetterOrDigit(source[i]) ? source[i] : '_';
    });

    /// <summary>Whether an instrument's values go down too, whatever it calls itself: two of the runtime's counters do.</summary>
    public static bool IsGauge(Instrument instrument) =>
        instrument.Name is "dotnet.thread_pool.thread.count" or "dotnet.thread_pool.queue.length" || instrument.GetType().Name is not ("Counter`1" or "ObservableCounter`1");

    /// <summary>With the unit and a counter's suffix: <c>dotnet.gc.pause.time</c>, a counter of seconds, is <c>dotnet_gc_pause_time_seconds_total</c>.</summary>
    public static string WithSuffixes(Instrument instrument)
    {
        var name = Sanitize(instrument.Name);
        var unit = instrument.Unit switch { "By" => "_bytes", "s" => "_seconds", "ms" => "_milliseconds", _ => "" };
        if (!name.EndsWith(unit, StringComparison.Ordinal))
            name += unit;
        return IsGauge(instrument) || name.EndsWith("_total", StringComparison.Ordinal) ? name : name + "_total";
    }
}
