using OrleansTempo.Core.Configuration;
using OrleansTempo.Server.Configuration.Pages;
using YamlDotNet.RepresentationModel;
using static OrleansTempo.Server.Tests.Configuration.ConfigurationText;

namespace OrleansTempo.Server.Tests.Configuration;

public sealed class DocumentationTests
{
    // What the keys of a table may stand below.
    private static readonly string[] Above = ["", "overrides.defaults.", "storage.trace.azure."];

    private static string Documentation() => File.ReadAllText(Path.Combine(EveryOption.RepositoryRoot(), "docs", "configuration.md"));

    [Fact]
    public void Every_key_in_use_is_documented()
    {
        var documentation = Documentation();
        var page = new YamlStream();
        page.Load(new StringReader(ConfigurationPage.Render(Options(EveryOption.Text))));
        var keys = new HashSet<string>();
        Collect(page.Documents[0].RootNode, keys);
        keys.UnionWith(EveryOption.DeclaredIn(typeof(TempoOptions)).Select(static option => option.Key.Split('.')[^1]));

        Assert.True(keys.Count > 100);
        Assert.Equal([], keys.Where(key => key != EveryOption.Header && !documentation.Contains($"`{key}`") && !documentation.Contains($".{key}`") && !documentation.Contains($"{key}.")).ToArray());
    }

    [Fact]
    public void Every_default_that_is_documented_is_what_holds()
    {
        var page = new YamlStream();
        page.Load(new StringReader(ConfigurationPage.Render(Options(""))));
        var defaults = new Dictionary<string, string>();
        Flatten(page.Documents[0].RootNode, "", defaults);
        var compared = 0;
        foreach (var row in Documentation().Split('\n').Where(line => line.StartsWith("| `", StringComparison.Ordinal)))
        {
            // Only a row of one key with one value for it.
            var cells = row.Split('|', StringSplitOptions.TrimEntries);
            if (cells[1].Count('`') != 2 || cells[2].Count('`') != 2 || !cells[2].StartsWith('`') || !cells[2].EndsWith('`'))
                continue;
            if (Above.Select(path => path + cells[1].Trim('`')).FirstOrDefault(defaults.ContainsKey) is not { } key)
                continue;

            Assert.Equal($"{key}: {defaults[key]}", $"{key}: {cells[2].Trim('`')}");
            compared++;
        }

        Assert.True(compared > 40, $"{compared} defaults were found");
    }

    private static void Flatten(YamlNode node, string path, Dictionary<string, string> values)
    {
        if (node is YamlScalarNode scalar)
            values[path] = scalar.Value!;
        else if (node is YamlMappingNode mapping)
        {
            foreach (var (key, value) in mapping)
                Flatten(value, path.Length == 0 ? ((YamlScalarNode)key).Value! : $"{path}.{((YamlScalarNode)key).Value}", values);
        }
    }

    private static void Collect(YamlNode node, HashSet<string> keys)
    {
        if (node is YamlSequenceNode sequence)
        {
            foreach (var item in sequence)
                Collect(item, keys);
        }
        else if (node is YamlMappingNode mapping)
        {
            foreach (var (key, value) in mapping)
            {
                keys.Add(((YamlScalarNode)key).Value!);
                Collect(value, keys);
            }
        }
    }
}
