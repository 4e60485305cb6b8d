using Microsoft.Extensions.Logging;

namespace OrleansTempo.Server.Configuration;

/// <summary>What is wrong with a configuration, in the process's log.</summary>
public static partial class ConfigurationLog
{
    public static void Write(ILogger logger, IReadOnlyList<ConfigurationProblem> errors, IReadOnlyList<ConfigurationProblem> warnings)
    {
        foreach (var problem in errors)
            Error(logger, problem);
        foreach (var problem in warnings)
            Warning(logger, problem);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "configuration: {Problem}")]
    private static partial void Warning(ILogger logger, ConfigurationProblem problem);

    [LoggerMessage(Level = LogLevel.Error, Message = "configuration: {Problem}")]
    private static partial void Error(ILogger logger, ConfigurationProblem problem);
}
