using System.Collections;
using OrleansTempo.Core.Configuration;
using OrleansTempo.Core.Configuration.Distributor;
using OrleansTempo.Core.Configuration.Server;
using OrleansTempo.Server.Configuration.Reading;

namespace OrleansTempo.Server.Tests.Configuration;

/// <summary>A file in which every optional block is there, and all the options in what it comes to.</summary>
internal static class EveryOption
{
    /// <summary>The one name in it that is the user's.</summary>
    public const string Header = "X-A";

    /// <summary>Its page shows every option there is.</summary>
    public const string Text =
        """
        server: {http_tls_config: {cert_file: a, key_file: b}}
        distributor: {receivers: {otlp: {protocols: {grpc: {tls: {cert_file: a, key_file: b}}, http: {tls: {cert_file: a, key_file: b}}}}}}
        metrics_generator:
          processor:
            span_metrics:
              dimension_mappings: [{name: a, source_labels: [b]}]
              filter_policies: [{include: {match_type: strict, attributes: [{key: name, value: a}]}, include_any: {match_type: strict}, exclude: {match_type: strict}}]
          storage:
            path: a
            remote_write:
              - url: http://h
                basic_auth: {username: a}
                tls_config: {server_name: a}
                http_headers: {X-A: {values: [a], secrets: [b], files: []}}
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
                span_metrics: {histogram_buckets: [], dimensions: [], intrinsic_dimensions: {service: true, span_name: true, span_kind: true, status_code: true, status_message: true}, filter_policies: [], dimension_mappings: [], enable_target_info: true, target_info_excluded_dimensions: [], enable_instance_label: true, span_multiplier_key: a, enable_tracestate_span_multiplier: true}
                host_info: {host_identifiers: [a], metric_name: a}
        storage: {trace: {wal: {type: file, commit_interval: 20ms}}}
        """;

    /// <summary>The options of single values in a tree of options: each with its path on the page, and its value.</summary>
    public static IEnumerable<(string Path, DeclaredOption Option, object? Value)> In(object options, string path = "")
    {
        // TLS of a listener has two spellings, each read and shown by hand.
        if (options is ServerTlsOptions)
            yield break;
        foreach (var option in OptionTable.Of(options.GetType()))
        {
            var value = option.Property.GetValue(options);
            var at = path.Length == 0 ? option.Key : $"{path}.{option.Key}";
            var within = value switch
            {
                IReadOnlyList<OtlpReceiverOptions> receivers => receivers.Select(receiver => ((object)receiver.Protocols, $"{path}.{receiver.Name}.protocols")),
                IDictionary map when IsOptions(option.Type.GetGenericArguments()[1]) => map.Keys.Cast<string>().Select(name => (map[name]!, $"{at}.{name}")),
                IEnumerable list when option.Type.IsGenericType && IsOptions(option.Type.GetGenericArguments()[0]) => list.Cast<object>().Select((item, i) => (item, $"{at}.{i}")),
                not null when IsOptions(option.Type) => [(value, at)],
                null when IsOptions(option.Type) => [],
                _ => null,
            };
            if (within is null)
                yield return (at, option, value);
            foreach (var found in (within ?? []).SelectMany(static block => In(block.Item1, block.Item2)))
                yield return found;
        }
    }

    /// <summary>The options of single values that a class of options and those below it declare.</summary>
    public static IEnumerable<DeclaredOption> DeclaredIn(Type options)
    {
        if (options == typeof(ServerTlsOptions))
            return [];
        if (options == typeof(OtlpReceiverOptions))
            return DeclaredIn(typeof(OtlpProtocolsOptions));
        return OptionTable.Of(options).SelectMany(static option =>
        {
            Type[] types = [option.Type, .. option.Type.GetGenericArguments()];
            return types.FirstOrDefault(IsOptions) is { } block ? DeclaredIn(block) : [option];
        });
    }

    public static string RepositoryRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "OrleansTempo.sln")))
            directory = directory.Parent!;
        return directory.FullName;
    }

    private static bool IsOptions(Type type) => type.IsClass && type.Namespace!.StartsWith(typeof(TempoOptions).Namespace!, StringComparison.Ordinal);
}
