using OrleansTempo.Server.Configuration.Pages;
using YamlDotNet.RepresentationModel;
using static OrleansTempo.Server.Tests.Configuration.ConfigurationText;

namespace OrleansTempo.Server.Tests.Configuration;

public sealed class DocumentationTests
{
    // The page shows every option there is, once each block that is optional is there.
    private const string Everything =
        """
        server: {http_tls_config: {cert_file: a, key_file: b}}
        distributor: {receivers: {otlp: {protocols: {grpc: {tls: {cert_file: a, key_file: b}}, http: {tls: {cert_file: a, key_file: b}}}}}}
        metrics_generator:
          processor:
            span_metrics:
              dimension_mappings: [{name: a, source_labels: [b]}]
              filter_policies: [{include: {match_type: strict, attributes: [{key: name, value: a}]}, include_any: {match_type: strict}, exclude: {match_type: strict}}]
          storage:
            remote_write:
              - url: http://h
                basic_auth: {username: a}
                tls_config: {server_name: a}
                http_headers: {}
                write_relabel_configs: [{target_label: a}]
              - url: http://h
                authorization: {credentials: a}
              - url: http://h
                azuread: {managed_identity: {client_id: 00000000-a12b-3cd4-e56f-000000000000}}
              - url: http://h
                azuread: {workload_identity: {client_id: 00000000-a12b-3cd4-e56f-000000000000, tenant_id: 00000000-a12b-3cd4-e56f-000000000000}}
              - url: http://h
                azuread: {oauth: {client_id: 00000000-a12b-3cd4-e56f-000000000000, client_secret: a, tenant_id: contoso.com}}
              - url: http://h
                azuread: {sdk: {tenant_id: contoso.com}}
        overrides:
          defaults:
            metrics_generator:
              collection_interval: 15s
              trace_id_label_name: a
              ingestion_time_range_slack: 1s
              dedupe_window: 1s
              processor:
                service_graphs: {histogram_buckets: [], dimensions: [], peer_attributes: [], filter_policies: [], enable_client_server_prefix: true, enable_messaging_system_latency_histogram: true, enable_virtual_node_label: true, span_multiplier_key: a, enable_tracestate_span_multiplier: true}
                span_metrics: {histogram_buckets: [], dimensions: [], intrinsic_dimensions: {service: true}, filter_policies: [], dimension_mappings: [], enable_target_info: true, target_info_excluded_dimensions: [], enable_instance_label: true, span_multiplier_key: a, enable_tracestate_span_multiplier: true}
                host_info: {host_identifiers: [a], metric_name: a}
        """;

    // What the keys of a table may stand below.
    private static readonly string[] Above = ["", "overrides.defaults.", "storage.trace.azure."];

    private static string Documentation() => File.ReadAllText(Path.Combine(RepositoryRoot(), "docs", "configuration.md"));

    [Fact]
    public void Every_key_in_use_is_documented()
    {
        var documentation = Documentation();
        var page = new YamlStream();
        page.Load(new StringReader(ConfigurationPage.Render(Options(Everything))));
        var keys = new HashSet<string>();
        Collect(page.Documents[0].RootNode, keys);

        Assert.True(keys.Count > 100);
        Assert.Equal([], keys.Where(key => !documentation.Contains($"`{key}`") && !documentation.Contains($".{key}`") && !documentation.Contains($"{key}.")).ToArray());
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

    private static string RepositoryRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "OrleansTempo.sln")))
            directory = directory.Parent!;
        return directory.FullName;
    }
}
