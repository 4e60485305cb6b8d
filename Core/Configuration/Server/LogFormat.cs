namespace OrleansTempo.Core.Configuration.Server;

/// <summary><c>server.log_format</c>.</summary>
public enum LogFormat
{
    Logfmt,
    Json,
}
