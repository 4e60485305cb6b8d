using Microsoft.Extensions.Logging;
using OrleansTempo.Core;
using OrleansTempo.Core.Overrides;

namespace OrleansTempo.Server.Configuration;

/// <summary>The overrides that a configuration asks for: its defaults, and the file per tenant where it names one.</summary>
public static class ConfiguredOverrides
{
    /// <summary>Opens them; what is wrong with the file is logged, and false returned where they cannot be used.</summary>
    public static bool TryOpen(
        TempoOptions options,
        IReadOnlyDictionary<string, string> environment,
        TempoMetrics metrics,
        TimeProvider time,
        ILoggerFactory loggerFactory,
        ILogger logger,
        out IOverrides overrides)
    {
        if (options.Overrides.PerTenantOverrideConfig.Length == 0)
        {
            overrides = new StaticOverrides(options.Overrides.Defaults);
            return true;
        }

        var opened = FileOverrides.Open(options.Overrides, options.MetricsGenerator, environment, metrics, time, loggerFactory.CreateLogger<FileOverrides>());
        ConfigurationLog.Write(logger, opened.Errors, opened.Warnings);
        overrides = (IOverrides?)opened.Value ?? new StaticOverrides(options.Overrides.Defaults);
        return opened.Succeeded;
    }
}
