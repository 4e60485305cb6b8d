using OrleansTempo.Server.Configuration;
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
        overrides:
          defaults:
            metrics_generator:
              collection_interval: 15s
              trace_id_label_name: a
              ingestion_time_range_slack: 1s
              processor:
                service_graphs: {histogram_buckets: [], dimensions: [], peer_attributes: [], filter_policies: [], enable_client_server_prefix: true, enable_messaging_system_latency_histogram: true, enable_virtual_node_label: true, span_multiplier_key: a, enable_tracestate_span_multiplier: true}
                span_metrics: {histogram_buckets: [], dimensions: [], intrinsic_dimensions: {service: true}, filter_policies: [], dimension_mappings: [], enable_target_info: true, target_info_excluded_dimensions: [], enable_instance_label: true, span_multiplier_key: a, enable_tracestate_span_multiplier: true}
        """;

    [Fact]
    public void Every_key_in_use_is_documented()
    {
        var documentation = File.ReadAllText(Path.Combine(RepositoryRoot(), "docs", "configuration.md"));
        var page = new YamlStream();
        page.Load(new StringReader(ConfigurationPage.Render(Options(Everything))));
        var keys = new HashSet<string>();
        Collect(page.Documents[0].RootNode, keys);

        Assert.True(keys.Count > 100);
        Assert.Equal([], keys.Where(key => !documentation.Contains($"`{key}`") && !documentation.Contains($".{key}`") && !documentation.Contains($"{key}.")).ToArray());
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
