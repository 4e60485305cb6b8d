using System.Globalization;

namespace OrleansTempo.Bench.Load;

/// <summary>What a load run measured.</summary>
internal sealed record LoadResult
{
    public static IReadOnlyList<string> Columns { get; } =
        ["protocol", "encoding", "spans/request", "connections", "spans sent", "spans/s", "server CPU s", "spans per CPU s", "peak RSS MB", "RSS MB every 10 s", "refused requests"];

    public required LoadOptions Options { get; init; }

    /// <summary>The number of requests in the measured time, accepted or not.</summary>
    public required long SpansSent { get; init; }

    /// <summary>The number over the whole run, including the warm-up.</summary>
    public required long SpansAccepted { get; init; }

    /// <summary>Edges of the service graph in the accepted requests of the whole run.</summary>
    public required long EdgesAccepted { get; init; }

    public required TimeSpan Elapsed { get; init; }

    /// <summary>The user and system time of the server during the measured time, and the seconds after it in which it processes its queues; null if unknown.</summary>
    public TimeSpan? ServerCpu { get; init; }

    /// <summary>The peak since the start of the server; null if unknown.</summary>
    public long? PeakMemoryBytes { get; init; }

    /// <summary>The resident memory of the server after every 10 s of the measured time.</summary>
    public IReadOnlyList<long> MemoryBytes { get; init; } = [];

    /// <summary>The number in the whole run, including partial successes.</summary>
    public required long RefusedRequests { get; init; }

    /// <summary>The sampled acknowledged traces of the whole run.</summary>
    public IReadOnlyCollection<SampledTrace> SampledTraces { get; init; } = [];

    public double SpansPerSecond => SpansSent / Elapsed.TotalSeconds;

    public IReadOnlyList<string> Cells =>
    [
        Options.Protocol,
        Options.Encoding,
        Text($"{Options.SpansPerRequest}"),
        Text($"{Options.Connections}"),
        Text($"{SpansSent:N0}"),
        Text($"{SpansPerSecond:N0}"),
        ServerCpu is { } cpu ? Text($"{cpu.TotalSeconds:F2}") : "-",
        ServerCpu is { } used ? Text($"{SpansSent / used.TotalSeconds:N0}") : "-",
        PeakMemoryBytes is { } peak ? Text($"{peak >> 20}") : "-",
        MemoryBytes.Count > 0 ? string.Join(' ', MemoryBytes.Select(bytes => Text($"{bytes >> 20}"))) : "-",
        Text($"{RefusedRequests}"),
    ];

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
