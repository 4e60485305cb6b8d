namespace OrleansTempo.Bench.Load;

/// <summary>What one load run sends, where to, and for how long.</summary>
internal sealed record LoadOptions
{
    /// <summary>The OTLP receivers, which speak gRPC if <see cref="Grpc"/>, otherwise HTTP; connections are distributed over them.</summary>
    public IReadOnlyList<Uri> Endpoints { get; init; } = [new("http://127.0.0.1:4318")];

    public bool Grpc { get; init; }

    public bool Gzip { get; init; }

    /// <summary>The number of connections, each with its own thread and one request under way.</summary>
    public int Connections { get; init; } = 4;

    /// <summary>The measured time, which follows <see cref="WarmUpSeconds"/>.</summary>
    public int Seconds { get; init; } = 30;

    public int WarmUpSeconds { get; init; }

    public int SpansPerRequest { get; init; } = 1000;

    /// <summary>The rate over all connections; 0 if each sends its next request as soon as the last is answered.</summary>
    public int SpansPerSecond { get; init; }

    /// <summary>How many acknowledged traces each connection samples per second, to query them afterwards.</summary>
    public int SampledTracesPerSecond { get; init; }

    public required string PayloadFolder { get; init; }

    /// <summary>The process IDs of the servers, for their CPU time and memory; empty to skip that.</summary>
    public IReadOnlyList<int> ProcessIds { get; init; } = [];

    public string Name => $"{Protocol}-{Encoding}-{SpansPerRequest}";

    public string Protocol => Grpc ? "grpc" : "http";

    public string Encoding => Gzip ? "gzip" : "identity";
}
