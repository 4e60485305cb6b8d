using Microsoft.Extensions.Configuration;

namespace OrleansTempo.Silo.Configuration;

/// <summary>
/// Reads the configuration of a silo besides <c>tempo.yaml</c>: the <c>Orleans:</c>, <c>OrleansTempo:</c> and <c>Logging:</c> sections, from
/// .NET's usual places. Later ones win:
/// <code>
///   beside the program:        appsettings.json, appsettings.{Environment}.json
///   in the working directory:  appsettings.json, appsettings.{Environment}.json
///   environment variables:     Orleans__Clustering__ProviderType for Orleans:Clustering:ProviderType
/// </code>
/// </summary>
internal static class SiloConfiguration
{
    /// <param name="environment">The environment variables.</param>
    /// <param name="folders">Where to look for files, in order.</param>
    /// <exception cref="InvalidDataException">A file is not JSON; the message names it.</exception>
    public static ConfigurationManager Read(IReadOnlyDictionary<string, string> environment, params IEnumerable<string> folders)
    {
        var configuration = new ConfigurationManager();
        foreach (var folder in folders.Distinct())
        {
            configuration
                .AddJsonFile(Path.Combine(folder, "appsettings.json"), optional: true)
                .AddJsonFile(Path.Combine(folder, $"appsettings.{NameOf(environment)}.json"), optional: true);
        }

        // Names that differ only in case, such as http_proxy and HTTP_PROXY, are two variables but one key.
        var variables = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, value) in environment)
            variables[KeyOf(name)] = value;
        configuration.AddInMemoryCollection(variables);
        return configuration;
    }

    /// <summary>The key that an environment variable sets.</summary>
    public static string KeyOf(string variable) => variable.Replace("__", ConfigurationPath.KeyDelimiter);

    /// <summary>The name of the environment, such as <c>Development</c> or <c>Production</c>.</summary>
    public static string NameOf(IReadOnlyDictionary<string, string> environment) =>
        environment.GetValueOrDefault("DOTNET_ENVIRONMENT") ?? environment.GetValueOrDefault("ASPNETCORE_ENVIRONMENT") ?? "Production";
}
