using OrleansTempo.Core.Configuration;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Configuration.Overrides;
using OrleansTempo.Server.Configuration.Reading;
using OrleansTempo.Server.Configuration.Sections;
using OrleansTempo.Server.Configuration.Tenants;
using OrleansTempo.Server.Configuration.Yaml;

namespace OrleansTempo.Server.Configuration;

/// <summary>
/// Loads <c>tempo.yaml</c>: expands the environment, parses, reads every key into <see cref="TempoOptions"/> and checks the
/// whole, collecting everything that is wrong on the way.
/// </summary>
public static class TempoConfiguration
{
    /// <summary>Reads a configuration file; one that cannot be opened is an error of the result, too.</summary>
    /// <param name="path">The file; problems name it as it is given here.</param>
    /// <param name="environment">What <c>${VAR}</c> stands for.</param>
    /// <param name="skipForeignReceivers">Whether receivers that only Tempo has are left out with a warning; otherwise they are errors.</param>
    /// <param name="withTenants">Whether problems of the <c>per_tenant_override_config</c> file are told as well, which its opening tells otherwise.</param>
    public static ConfigurationResult<TempoOptions> Load(
        string path, IReadOnlyDictionary<string, string> environment, bool skipForeignReceivers = false, bool withTenants = false)
    {
        try
        {
            return Parse(File.ReadAllText(path), path, environment, skipForeignReceivers, withTenants);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            var problems = new Problems(path);
            problems.Error(default, $"the configuration file cannot be read: {e.Message}");
            return problems.Result<TempoOptions>(null);
        }
    }

    /// <summary>Reads the text of a configuration file; problems name it <paramref name="file"/>.</summary>
    public static ConfigurationResult<TempoOptions> Parse(
        string text, string file, IReadOnlyDictionary<string, string> environment, bool skipForeignReceivers = false, bool withTenants = false)
    {
        var problems = new Problems(file);
        var root = YamlTree.Read(EnvironmentExpansion.Expand(text, environment, problems), problems);
        var options = new TempoFileReader(problems, skipForeignReceivers).Read(MappingReader.Root(problems, root));
        var result = problems.Result(options);
        if (!withTenants || options.Overrides.PerTenantOverrideConfig.Length == 0)
            return result;

        var tenants = FileOverrides.Verify(options.Overrides, options.MetricsGenerator, environment);
        return new ConfigurationResult<TempoOptions>
        {
            Value = tenants.Succeeded ? result.Value : null,
            Errors = [.. result.Errors, .. tenants.Errors],
            Warnings = [.. result.Warnings, .. tenants.Warnings],
        };
    }

    /// <summary>The process's environment, for <see cref="Load"/>.</summary>
    public static IReadOnlyDictionary<string, string> ProcessEnvironment()
    {
        var environment = new Dictionary<string, string>();
        foreach (System.Collections.DictionaryEntry variable in Environment.GetEnvironmentVariables())
            environment[(string)variable.Key] = (string?)variable.Value ?? "";
        return environment;
    }

    /// <summary>Reads the text of a <c>per_tenant_override_config</c> file into overrides by tenant, <c>*</c> among them; what is unchanged since <paramref name="former"/> is taken from there.</summary>
    internal static ConfigurationResult<TenantEntries> ParseTenants(
        string text, string file, IReadOnlyDictionary<string, string> environment, TenantEntries? former, TenantOverrides defaults, MetricsGeneratorOptions generator)
    {
        var problems = new Problems(file);
        var source = EnvironmentExpansion.Expand(text, environment, problems);
        var root = YamlTree.Read(source, problems);
        return problems.Result(new OverridesReader(problems, generator).ReadTenants(MappingReader.Root(problems, root), new TenantEntries(source.Text), former, defaults));
    }
}
