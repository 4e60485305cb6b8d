using Microsoft.Extensions.Logging;

namespace OrleansTempo.Core.Configuration.Server;

/// <summary><c>server</c>: the HTTP API's listener, and logging.</summary>
public sealed record ServerOptions
{
    /// <summary>An address or a host name; empty for all addresses of the machine, <c>0.0.0.0</c> for all of IPv4.</summary>
    public string HttpListenAddress { get; init; } = "";

    /// <summary>0 for any free port.</summary>
    [Option(Max = 65535)]
    public int HttpListenPort { get; init; } = 3200;

    /// <summary>Null where the API is plain HTTP.</summary>
    public ServerTlsOptions? HttpTlsConfig { get; init; }

    /// <summary>Ours: whether callers on other machines may do what is an operator's, such as to shut the server down.</summary>
    public bool AdminFromAnywhere { get; init; }

    /// <summary>How long requests under way may take to end at shutdown.</summary>
    [Option(AtMost = OptionAttribute.LongestWait)]
    public TimeSpan GracefulShutdownTimeout { get; init; } = TimeSpan.FromSeconds(30);

    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    public LogFormat LogFormat { get; init; } = LogFormat.Logfmt;
}

/// <summary><c>server.log_format</c>.</summary>
public enum LogFormat
{
    Logfmt,
    Json,
}
