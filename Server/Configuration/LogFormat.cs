namespace OrleansTempo.Server.Configuration;

/// <summary><c>server.log_format</c>.</summary>
public enum LogFormat
{
    Logfmt,
    Json,
}
