using Microsoft.Extensions.Configuration;

namespace OrleansTempo.Silo.Configuration;

/// <summary>
/// What a silo is told besides <c>tempo.yaml</c>: the <c>Orleans:</c>, <c>OrleansTempo:</c> and <c>Logging:</c> sections, in .NET's usual places.
/// What comes later holds:
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

        // Names that differ in case only, such as http_proxy and HTTP_PROXY, are two variables and one key.
        var variables = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, value) in environment)
            variables[KeyOf(name)] = value;
        configuration.AddInMemoryCollection(variables);
        return configuration;
    }

    /// <summary>The key that an environment variable sets.</summary>
    public static string KeyOf(string variable) => variable.Replace("__", ConfigurationPath.KeyDelimiter);

    /// <summary>Such as <c>Development</c> or <c>Production</c>.</summary>
    public static string NameOf(IReadOnlyDictionary<string, string> environment) =>
        environment.GetValueOrDefault("DOTNET_ENVIRONMENT") ?? environment.GetValueOrDefault("ASPNETCORE_ENVIRONMENT") ?? "Production";
}
