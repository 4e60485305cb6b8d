using OrleansTempo.Core.Configuration;
using OrleansTempo.Server.Configuration;

namespace OrleansTempo.Server.Hosting;

/// <summary>The parsed command line of a host.</summary>
public sealed record TempoCommandLine
{
    public TempoOptions Options { get; init; } = TempoOptions.WithoutFile;

    /// <summary>The warnings about the configuration file.</summary>
    public IReadOnlyList<ConfigurationProblem> Warnings { get; init; } = [];

    /// <summary>Whether to send demo traffic to this process.</summary>
    public bool Demo { get; init; }

    /// <summary>The environment variables, for configuration files that refer to them.</summary>
    public required IReadOnlyDictionary<string, string> Environment { get; init; }
}
