using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using OrleansTempo.Core.Configuration.Server;

namespace OrleansTempo.Server.Logging;

/// <summary>Where the process writes its logs: the console, a line each, as logfmt or JSON.</summary>
public static class ConsoleLogging
{
    /// <param name="options">The least level, and the format.</param>
    /// <param name="adjust">What a host has to say of it besides.</param>
    public static ILoggerFactory Create(ServerOptions options, Action<ILoggingBuilder>? adjust = null) => LoggerFactory.Create(builder =>
    {
        builder.SetMinimumLevel(options.LogLevel);
        builder.AddFilter("Microsoft", LogLevel.Warning);
        if (options.LogFormat == LogFormat.Json)
        {
            builder.AddJsonConsole(json =>
            {
                json.UseUtcTimestamp = true;
                json.TimestampFormat = LogfmtFormatter.TimeFormat;
            });
        }
        else
        {
            builder.AddConsole(console => console.FormatterName = LogfmtFormatter.FormatterName);
            builder.AddConsoleFormatter<LogfmtFormatter, ConsoleFormatterOptions>();
        }

        adjust?.Invoke(builder);
    });
}
