using OrleansTempo.Core.Configuration.Distributor;
using OrleansTempo.Core.Configuration.Server;

namespace OrleansTempo.Server;

/// <summary>One listener of <see cref="TempoServer"/>.</summary>
public sealed record ListenerOptions
{
    /// <summary>The name of the receiver that it is of. Not used by the HTTP API.</summary>
    public string Receiver { get; init; } = OtlpReceiverOptions.Type;

    /// <summary><c>host:port</c>; an empty host means every address, port 0 means any free port.</summary>
    public required string Endpoint { get; init; }

    /// <summary>The largest request in bytes, after decompression; a larger one is refused. Not used by the HTTP API.</summary>
    public int MaxRequestBytes { get; init; } = 20 << 20;

    /// <summary>Null for plain text.</summary>
    public ServerTlsOptions? Tls { get; init; }

    /// <summary>Used by OTLP/HTTP only.</summary>
    public CorsOptions Cors { get; init; } = new();

    /// <summary>Where OTLP/HTTP takes traces.</summary>
    public string TracesUrlPath { get; init; } = "/v1/traces";
}
