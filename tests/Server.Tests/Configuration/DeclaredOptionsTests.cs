using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using OrleansTempo.Core.Configuration;
using OrleansTempo.Core.Configuration.Distributor;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Configuration.Overrides;
using OrleansTempo.Server.Configuration.Pages;
using OrleansTempo.Server.Configuration.Reading;
using OrleansTempo.Server.UserOverrides;
using YamlDotNet.RepresentationModel;
using static OrleansTempo.Server.Tests.Configuration.ConfigurationText;

namespace OrleansTempo.Server.Tests.Configuration;

/// <summary>
/// What must be so of every option, whoever adds one: it is read from a file, stands on the page, is used, and where it is an override, somebody has said who may set it.
/// That it is documented is asked by <see cref="DocumentationTests"/>.
/// </summary>
public sealed class DeclaredOptionsTests
{
    // Other values of options whose text has a grammar of its own; all other texts may be anything.
    private static readonly Dictionary<string, string> s_texts = new()
    {
        ["http_api_prefix"] = "/changed",
        ["url"] = "http://changed",
        ["proxy_url"] = "http://changed",
        ["protobuf_message"] = "io.prometheus.write.v2.Request",
        ["min_version"] = "TLS13",
        ["cloud"] = "AzureChina",
        ["attributes.0.key"] = "span.changed",
        ["client_id"] = "11111111-a12b-3cd4-e56f-000000000000",
        ["tenant_id"] = "11111111-a12b-3cd4-e56f-000000000000",
        ["processors"] = "host-info",
        ["storage.trace.backend"] = "azure",
    };

    // What an option cannot be without, or not beside: keys of the same block and their values.
    private static readonly Dictionary<string, (string Key, string Value)[]> s_beside = new()
    {
        ["username_file"] = [("username", "")],
        ["credentials_file"] = [("credentials", "")],
        ["tls_config.cert"] = [("key", "a")],
        ["tls_config.key"] = [("cert", "a")],
        ["tls_config.cert_file"] = [("key_file", "a")],
        ["tls_config.key_file"] = [("cert_file", "a")],
        ["storage.trace.backend"] = [("azure.connection_string", "a"), ("azure.container_name", "a")],
    };

    [Fact]
    public void Every_option_is_in_the_example()
    {
        var there = EveryOption.In(Options(EveryOption.Text)).Select(static o => Name(o.Option)).ToHashSet();
        var declared = EveryOption.DeclaredIn(typeof(TempoOptions)).Select(Name).ToHashSet();

        Assert.True(declared.Count > 150, $"{declared.Count} options");
        Assert.Equal([], declared.Except(there).Order());
    }

    [Fact]
    public void Every_option_stands_on_the_page_and_is_read_from_a_file()
    {
        var text = ConfigurationPage.Render(Options(EveryOption.Text));
        var before = EveryOption.In(Options(text)).DistinctBy(static o => Name(o.Option)).ToList();
        Assert.All(before, option =>
        {
            var page = new YamlStream();
            page.Load(new StringReader(text));
            var (block, key) = Place(page.Documents[0].RootNode, option.Path);
            Assert.True(block.Children.ContainsKey(key) || option.Value is null, $"{option.Path} is not on the page");
            block.Children[key] = Other(option.Option, option.Value, option.Path);
            foreach (var (other, value) in Of(s_beside, option.Path) ?? [])
            {
                var (beside, name) = Place(block, other);
                beside.Children[name] = new YamlScalarNode(value);
            }

            var changed = new StringWriter();
            page.Save(changed, assignAnchors: false);

            var options = Options(changed.ToString());
            Assert.NotEqual(option.Value, EveryOption.In(options).Single(o => o.Path == option.Path).Value);
            page.Load(new StringReader(ConfigurationPage.Render(options)));
            (block, key) = Place(page.Documents[0].RootNode, option.Path);
            Assert.True(block.Children.ContainsKey(key), $"{option.Path} is not on the page");
        });
    }

    [Fact]
    public void Every_option_is_used_by_the_program()
    {
        string[] ofConfiguration = [Path.Combine("Core", "Configuration"), Path.Combine("Server", "Configuration", "Reading"), Path.Combine("Server", "Configuration", "Pages")];
        var words = new HashSet<string>();
        foreach (var folder in (string[])["Core", "Server", "Grains", "Azure", "Silo"])
        {
            var sources = Path.Combine(EveryOption.RepositoryRoot(), folder);
            foreach (var file in Directory.EnumerateFiles(sources, "*.cs", SearchOption.AllDirectories))
            {
                if (!ofConfiguration.Any(part => file.Contains(part, StringComparison.Ordinal)))
                    words.UnionWith(Regex.Matches(File.ReadAllText(file), @"[.{,]\s*(\w+)").Select(static m => m.Groups[1].Value));
            }
        }

        // A tenant's part of a section is used by its name, as it is laid over the section.
        var used = EveryOption.DeclaredIn(typeof(TempoOptions)).Where(static o => !o.Property.DeclaringType!.Name.EndsWith("Overrides", StringComparison.Ordinal) || o.Property.DeclaringType.Namespace != typeof(SpanMetricsOptions).Namespace);
        Assert.Equal([], used.Where(option => !words.Contains(option.Property.Name)).Select(Name).Order());
    }

    [Fact]
    public void Every_override_is_a_tenants_or_the_operators_alone()
    {
        var undecided = typeof(TenantOverrides).Assembly.GetTypes()
            .Where(static type => type.Namespace?.StartsWith(typeof(TempoOptions).Namespace!, StringComparison.Ordinal) == true && type.Name.EndsWith("Overrides", StringComparison.Ordinal))
            .Except([typeof(TenantOverrides), typeof(IntrinsicDimensionsOverrides)])
            .SelectMany(OptionTable.Of)
            .Where(static option => option.SetByTenant is null != option.Property.IsDefined(typeof(SetByOperatorAttribute)));

        Assert.Equal([], undecided.Select(Name));
    }

    [Fact]
    public void What_a_tenant_sets_for_itself_is_a_field_of_its_overrides_and_laid_over_the_operators()
    {
        var text = ConfigurationPage.ToJson(Options(EveryOption.Text).Overrides.Defaults).ToJsonString();
        var limits = TenantLimits.TryParse(Encoding.UTF8.GetBytes(LimitsReader.Pick((JsonObject)JsonNode.Parse(text)!).ToJsonString()), out var problems);
        Assert.Equal("", problems);

        Assert.Equal(limits!.ToJson().ToJsonString(), TenantLimits.Of(limits.Over(new TenantOverrides(), new MetricsGeneratorOptions(), out _)!).ToJson().ToJsonString());
    }

    [Fact]
    public void What_tenants_set_is_documented()
    {
        var documentation = File.ReadAllText(Path.Combine(EveryOption.RepositoryRoot(), "docs", "overrides.md"));
        var generator = LimitField.Root.Find("metrics_generator")!;

        // Those of the two other processors are configuration.md's.
        var keys = generator.Fields.Concat(generator.Find("processor")!.Find("host_info")!.Fields).Select(static field => field.Name);
        Assert.Equal([], keys.Where(key => !documentation.Contains($"`{key}`") && !documentation.Contains($"\"{key}\"")));
    }

    [Theory]
    [InlineData(typeof(SpanMetricsOverrides), typeof(SpanMetricsOptions))]
    [InlineData(typeof(IntrinsicDimensionsOverrides), typeof(IntrinsicDimensionsOptions))]
    [InlineData(typeof(HostInfoOverrides), typeof(HostInfoOptions))]
    [InlineData(typeof(ServiceGraphsOverrides), typeof(ServiceGraphsOptions), "DatabaseNameAttributes", "MaxItems", "Wait")]
    public void A_tenant_overrides_every_option_of_a_processor_but_those_named_here(Type overrides, Type options, params string[] except) =>
        Assert.Equal(NamesIn(options).Except(except), NamesIn(overrides));

    private static IEnumerable<string> NamesIn(Type type) => OptionTable.Of(type).Select(static option => option.Property.Name).Order();

    private static string Name(DeclaredOption option) => $"{option.Property.DeclaringType!.Name}.{option.Property.Name}";

    // By the whole path, or the end of it.
    private static T? Of<T>(Dictionary<string, T> table, string path) => table.FirstOrDefault(entry => $".{path}".EndsWith($".{entry.Key}", StringComparison.Ordinal)).Value;

    // The block that a path's last key stands in.
    private static (YamlMappingNode Block, string Key) Place(YamlNode root, string path)
    {
        var keys = path.Split('.');
        foreach (var key in keys.AsSpan()[..^1])
            root = root is YamlSequenceNode list ? list[int.Parse(key, CultureInfo.InvariantCulture)] : root[key];
        return ((YamlMappingNode)root, keys[^1]);
    }

    // A value that the option may have and does not have.
    private static YamlNode Other(DeclaredOption option, object? value, string path)
    {
        var text = Of(s_texts, path) ?? "changed";
        var type = option.Type;
        if (type == typeof(bool))
            return Text(value is true ? "false" : "true");
        if (type == typeof(int) || type == typeof(long) || type == typeof(ulong))
            return Text(Convert.ToInt64(value ?? option.Rules.Min, CultureInfo.InvariantCulture) is var number && number < option.Rules.Max ? $"{number + 1}" : $"{number - 1}");
        if (type == typeof(double))
            return Text((Convert.ToDouble(value, CultureInfo.InvariantCulture) + 1).ToString(CultureInfo.InvariantCulture));
        if (type == typeof(TimeSpan))
        {
            var duration = value as TimeSpan? ?? option.Min ?? TimeSpan.Zero;
            var longer = duration + TimeSpan.FromSeconds(1);
            return Text(GoDuration.Format(longer <= (option.Max ?? longer) ? longer : duration - TimeSpan.FromMilliseconds(1)));
        }

        if (type.IsEnum)
            return Text(OptionTable.WordsOf(type).First(other => !other.Value.Equals(value)).Word);
        if (type == typeof(ListenEndpoint))
            return Text("127.0.0.1:1");
        if (type == typeof(IReadOnlyDictionary<string, string>))
            return new YamlMappingNode("changed", "1");
        if (type == typeof(IReadOnlyList<double>))
            return new YamlSequenceNode("1", "2");
        return type == typeof(IReadOnlyList<string>) ? new YamlSequenceNode(text) : Text(text);

        static YamlScalarNode Text(string text) => new(text) { Style = YamlDotNet.Core.ScalarStyle.DoubleQuoted };
    }
}
