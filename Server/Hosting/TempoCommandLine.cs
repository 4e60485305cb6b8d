using OrleansTempo.Core.Configuration;
using OrleansTempo.Server.Configuration;

namespace OrleansTempo.Server.Hosting;

/// <summary>What a host's command line says.</summary>
public sealed record TempoCommandLine
{
    public TempoOptions Options { get; init; } = TempoOptions.WithoutFile;

    /// <summary>What is doubtful in the configuration file.</summary>
    public IReadOnlyList<ConfigurationProblem> Warnings { get; init; } = [];

    /// <summary>Whether to send oneself the traffic of a small shop.</summary>
    public bool Demo { get; init; }

    /// <summary>The environment, for configuration files that name variables.</summary>
    public required IReadOnlyDictionary<string, string> Environment { get; init; }
}
