using Microsoft.Extensions.Configuration;
using OrleansTempo.Server.Configuration.Reading;

namespace OrleansTempo.Silo.Configuration;

/// <summary>
/// Finds settings in the <c>Orleans:</c> and <c>OrleansTempo:</c> sections that nothing reads. Orleans ignores them silently, and a silo
/// whose <c>Orleans:Clustering</c> is misspelt would become a cluster of its own.
/// </summary>
internal sealed class SettingsCheck
{
    private static readonly IReadOnlyDictionary<string, SettingKey> s_sections = new Dictionary<string, SettingKey>(StringComparer.OrdinalIgnoreCase)
    {
        [OrleansKeys.Section] = OrleansKeys.All,
        [SiloSettings.Section] = SettingKey.Of<SiloSettings>(),
    };

    private readonly ConfigurationManager _configuration;
    private readonly IReadOnlyDictionary<string, string> _environment;
    private readonly List<string> _problems = [];

    private SettingsCheck(ConfigurationManager configuration, IReadOnlyDictionary<string, string> environment)
    {
        _configuration = configuration;
        _environment = environment;
    }

    /// <param name="configuration">The configuration that <see cref="SiloConfiguration.Read"/> returned.</param>
    /// <param name="environment">The environment variables that are part of it.</param>
    /// <exception cref="InvalidDataException">A setting is unknown or not valid; the message names each, where it was found, and what is allowed.</exception>
    public static void Run(ConfigurationManager configuration, IReadOnlyDictionary<string, string> environment)
    {
        var check = new SettingsCheck(configuration, environment);
        foreach (var section in configuration.GetChildren())
        {
            if (s_sections.TryGetValue(section.Key, out var key))
                check.Check(section, key);

            // A variable without levels belongs to others: Kubernetes sets ORLEANS_TEMPO_PORT for a service of that name.
            else if (section.GetChildren().Any() && Spelling.Nearest(section.Key, s_sections.Keys) is not null)
                check.Unknown(section, s_sections.Keys);
        }

        if (check._problems.Count > 0)
            throw new InvalidDataException(string.Join("; and ", check._problems));
    }

    private void Check(IConfigurationSection section, SettingKey key)
    {
        var children = section.GetChildren().ToList();
        if (key.KeysIn is { } keysIn)
        {
            var keys = keysIn(section);
            if (children.Count == 0 && !string.IsNullOrEmpty(section.Value))
                _problems.Add($"{Named(section)} is a section, not a value; its keys are {string.Join(", ", keys.Keys)}");
            foreach (var child in children)
            {
                if (keys.TryGetValue(child.Key, out var known))
                    Check(child, known);
                else
                    Unknown(child, keys.Keys);
            }
        }
        else if (children.Count > 0)
        {
            _problems.Add($"{Named(section)} must be {key.Expected}, without keys below it");
        }
        else if (section.Value is { Length: > 0 } value && !key.IsValid(value))
        {
            _problems.Add($"{Named(section)} is {Spelling.Quote(value)}; it must be {key.Expected}");
        }
    }

    private void Unknown(IConfigurationSection section, IEnumerable<string> known) =>
        _problems.Add($"{Named(section)} is not known{Spelling.Suggest(section.Key, [.. known])}");

    private string Named(IConfigurationSection section) =>
        $"'{section.Path}' ({PlaceOf(section.AsEnumerable().FirstOrDefault(static s => s.Value is not null).Key ?? section.Path)})";

    // The last source that has a value wins.
    private string PlaceOf(string path)
    {
        foreach (var provider in ((IConfigurationRoot)_configuration).Providers.Reverse())
        {
            if (!provider.TryGet(path, out _))
                continue;
            if (provider is FileConfigurationProvider { Source: var file })
                return file.FileProvider?.GetFileInfo(file.Path!).PhysicalPath ?? file.Path!;
            return "environment variable "
                + (_environment.Keys.FirstOrDefault(name => SiloConfiguration.KeyOf(name).Equals(path, StringComparison.OrdinalIgnoreCase)) ?? path);
        }

        return "configuration";
    }
}
