using OrleansTempo.Core.Configuration;
using OrleansTempo.Server.Configuration;

namespace OrleansTempo.Server.Tests.Configuration;

/// <summary>Parses the text of a configuration file, for tests.</summary>
internal static class ConfigurationText
{
    public static readonly IReadOnlyDictionary<string, string> NoEnvironment = new Dictionary<string, string>();

    public static ConfigurationResult<TempoOptions> Parse(string text, params (string Name, string Value)[] environment) =>
        TempoConfiguration.Parse(text, "tempo.yaml", environment.ToDictionary(e => e.Name, e => e.Value));

    /// <summary>The options of a text that must be without error.</summary>
    public static TempoOptions Options(string text, params (string Name, string Value)[] environment)
    {
        var result = Parse(text, environment);
        Assert.Empty(result.Errors.Select(e => e.ToString()));
        return result.Value!;
    }

    /// <summary>The errors of a text that must have some, as they are printed.</summary>
    public static string[] Errors(string text, params (string Name, string Value)[] environment)
    {
        var result = Parse(text, environment);
        Assert.False(result.Succeeded);
        return [.. result.Errors.Select(e => e.ToString())];
    }

    public static string[] Warnings(string text, params (string Name, string Value)[] environment)
    {
        var result = Parse(text, environment);
        Assert.Empty(result.Errors.Select(e => e.ToString()));
        return [.. result.Warnings.Select(e => e.ToString())];
    }
}
