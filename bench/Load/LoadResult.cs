using System.Globalization;

namespace OrleansTempo.Bench.Load;

/// <summary>What a load run measured.</summary>
internal sealed record LoadResult
{
    public const string Header =
        "| protocol | encoding | spans/request | spans sent | spans/s | server CPU s | spans per CPU s | peak RSS MB | refused requests |\n" +
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |";

    public required LoadOptions Options { get; init; }

    /// <summary>In the measured time, accepted or not.</summary>
    public required long SpansSent { get; init; }

    /// <summary>Over the whole run with its warm-up.</summary>
    public required long SpansAccepted { get; init; }

    /// <summary>Edges of the service graph in the accepted requests of the whole run.</summary>
    public required long EdgesAccepted { get; init; }

    public required TimeSpan Elapsed { get; init; }

    /// <summary>User and system time of the server over the measured time and the seconds after it in which it works off its queues; null where it is not known.</summary>
    public TimeSpan? ServerCpu { get; init; }

    /// <summary>Since the server's start; null where it is not known.</summary>
    public long? PeakMemoryBytes { get; init; }

    /// <summary>Of the whole run, partial successes among them.</summary>
    public required long RefusedRequests { get; init; }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"| {(Options.Grpc ? "grpc" : "http")} | {(Options.Gzip ? "gzip" : "identity")} | {Options.SpansPerRequest} | {SpansSent} | {SpansSent / Elapsed.TotalSeconds:F0} | {(ServerCpu is { } cpu ? $"{cpu.TotalSeconds:F2} | {SpansSent / cpu.TotalSeconds:F0}" : "- | -")} | {(PeakMemoryBytes is { } bytes ? $"{bytes >> 20}" : "-")} | {RefusedRequests} |");
}
