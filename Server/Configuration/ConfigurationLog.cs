using Microsoft.Extensions.Logging;

namespace OrleansTempo.Server.Configuration;

/// <summary>What is wrong with a configuration, in the process's log.</summary>
public static partial class ConfigurationLog
{
    public static void Write(ILogger logger, IReadOnlyList<ConfigurationProblem> errors, IReadOnlyList<ConfigurationProblem> warnings)
    {
        foreach (var problem in errors)
            LogError(logger, problem);
        foreach (var problem in warnings)
            LogWarning(logger, problem);
    }

    [LoggerMessage(2101, LogLevel.Warning, "Configuration: {Problem}")]
    private static partial void LogWarning(ILogger logger, ConfigurationProblem problem);

    [LoggerMessage(2102, LogLevel.Error, "Configuration: {Problem}")]
    private static partial void LogError(ILogger logger, ConfigurationProblem problem);
}
