namespace OrleansTempo.Bench.Load;

/// <summary>What one load run sends, where, and for how long.</summary>
internal sealed record LoadOptions
{
    /// <summary>Of OTLP receivers that speak <see cref="Grpc"/> or HTTP; connections go to them in turn.</summary>
    public IReadOnlyList<Uri> Endpoints { get; init; } = [new("http://127.0.0.1:4318")];

    public bool Grpc { get; init; }

    public bool Gzip { get; init; }

    /// <summary>Each has a thread of its own and one request under way.</summary>
    public int Connections { get; init; } = 4;

    /// <summary>Measured; the time before it is <see cref="WarmUpSeconds"/>.</summary>
    public int Seconds { get; init; } = 30;

    public int WarmUpSeconds { get; init; }

    public int SpansPerRequest { get; init; } = 1000;

    /// <summary>All connections together; 0 where each sends its next request as soon as the last is answered.</summary>
    public int SpansPerSecond { get; init; }

    /// <summary>How many acknowledged traces each connection remembers a second, so that they can be asked for afterwards.</summary>
    public int SampledTracesPerSecond { get; init; }

    public required string PayloadFolder { get; init; }

    /// <summary>Of the server, or of all of them, for their CPU time and memory; empty where they are not wanted.</summary>
    public IReadOnlyList<int> ProcessIds { get; init; } = [];

    public string Name => $"{Protocol}-{Encoding}-{SpansPerRequest}";

    public string Protocol => Grpc ? "grpc" : "http";

    public string Encoding => Gzip ? "gzip" : "identity";
}
