using static OrleansTempo.Server.Tests.Configuration.ConfigurationText;

namespace OrleansTempo.Server.Tests.Configuration;

public sealed class ConfigurationErrorTests
{
    [Fact]
    public void All_errors_are_told_at_once_in_the_files_order()
    {
        Assert.Equal(
        [
            "tempo.yaml:2:21: server.http_listen_port: 'many' is not allowed; it must be a whole number from 0 to 65535",
            "tempo.yaml:3:3: server.http_listen_prt: unknown key; did you mean 'http_listen_port'? Allowed: http_listen_address, "
            + "tls_min_version, http_listen_port, http_tls_config, admin_from_anywhere, graceful_shutdown_timeout, log_level, log_format",
            "tempo.yaml:5:15: distributor.receivers.jaeger: not supported, for only OTLP is received here; remove it and put an OpenTelemetry Collector in front that receives jaeger and sends OTLP, or start with -config.skip-foreign-receivers, which leaves it out",
            "tempo.yaml:6:41: overrides.per_tenant_override_period: 'soon' is not allowed; it must be a Prometheus duration such as 250ms, 15s, 1h30m or 7d, from 100ms to 1000h",
        ],
        Errors(
            """
            server:
              http_listen_port: many
              http_listen_prt: 1
            distributor:
              receivers: {jaeger: {protocols: {grpc: }}}
            overrides: {per_tenant_override_period: soon}
            """));
    }

    [Theory]
    [InlineData("servr: {}", "tempo.yaml:1:1: servr: unknown key; did you mean 'server'? Allowed: multitenancy_enabled, auth_enabled, target, http_api_prefix, server, distributor, metrics_generator, query_frontend, storage, ingester, live_store, compactor, backend_scheduler, backend_worker, overrides")]
    [InlineData("server: 5", "tempo.yaml:1:9: server: must be a mapping, this is a single value")]
    [InlineData("server: {log_level: [a]}", "tempo.yaml:1:10: server.log_level: must be a single value, this is a list")]
    [InlineData("query_frontend: {multi_tenant_queries_enabled: maybe}", "tempo.yaml:1:48: query_frontend.multi_tenant_queries_enabled: 'maybe' is not allowed; it must be true or false")]
    [InlineData("server: {log_level: loud}", "tempo.yaml:1:21: server.log_level: 'loud' is not known; allowed: debug, info, warn, error")]
    [InlineData("server: {http_listen_address: 'a:1'}", "tempo.yaml:1:31: server.http_listen_address: 'a:1' is not an address; allowed are an IP address or a host name without a port")]
    [InlineData("multitenancy_enabled: maybe", "tempo.yaml:1:23: multitenancy_enabled: 'maybe' is not allowed; it must be true or false")]
    [InlineData("distributor: {max_attribute_bytes: -1}", "tempo.yaml:1:36: distributor.max_attribute_bytes: '-1' is not allowed; it must be a whole number of at least 0")]
    [InlineData("distributor: {max_attribute_bytes: 1.5}", "tempo.yaml:1:36: distributor.max_attribute_bytes: '1.5' is not allowed; it must be a whole number of at least 0")]
    [InlineData("distributor: {retry_after_on_resource_exhausted: 5}", "tempo.yaml:1:50: distributor.retry_after_on_resource_exhausted: '5' is not allowed; it must be a Go duration such as 250ms, 15s, 1.5h or 1h30m, not negative")]
    [InlineData("distributor: {retry_after_on_resource_exhausted: -5s}", "tempo.yaml:1:50: distributor.retry_after_on_resource_exhausted: '-5s' is not allowed; it must be a Go duration such as 250ms, 15s, 1.5h or 1h30m, not negative")]
    [InlineData("distributor: {forwarders: [{name: a}]}", "tempo.yaml:1:15: distributor.forwarders: not supported yet: no traces are forwarded to other backends")]
    [InlineData("distributor: {receivers: {otlp/two: }}", "tempo.yaml:1:27: distributor.receivers.otlp/two: must have at least one protocol; allowed are protocols.grpc and protocols.http")]
    [InlineData("distributor: {receivers: {otlp/: {protocols: {grpc: }}}}", "tempo.yaml:1:27: distributor.receivers.otlp/: has no name behind the slash")]
    [InlineData("distributor: {receivers: {otlp: {protocols: {grpc: }}, otlp/2: {protocols: {grpc: }}}}", "tempo.yaml:1:77: distributor.receivers.otlp/2.protocols.grpc.endpoint: 127.0.0.1:4317 is where otlp/grpc listens already; every protocol of a receiver needs an endpoint of its own")]
    [InlineData("distributor: {receivers: {otlp: {protocols: {grpc: {endpoint: ':4317'}, http: {endpoint: '1.2.3.4:4317'}}}}}", "tempo.yaml:1:90: distributor.receivers.otlp.protocols.http.endpoint: 1.2.3.4:4317 is where otlp/grpc listens already; every protocol of a receiver needs an endpoint of its own")]
    [InlineData("distributor: {receivers: {kafka: {}}}", "tempo.yaml:1:27: distributor.receivers.kafka: not supported, for only OTLP is received here; remove it and put an OpenTelemetry Collector in front that receives kafka and sends OTLP, or start with -config.skip-foreign-receivers, which leaves it out")]
    [InlineData("distributor: {receivers: {statsd: {}}}", "tempo.yaml:1:27: distributor.receivers.statsd: unknown receiver; the receiver there is: otlp, with the protocols grpc and http")]
    [InlineData("distributor: {receivers: {otlp: }}", "tempo.yaml:1:27: distributor.receivers.otlp: must have at least one protocol; allowed are protocols.grpc and protocols.http")]
    [InlineData("distributor: {receivers: {otlp: {protocols: {grpc: {endpoint: localhost}}}}}", "tempo.yaml:1:63: distributor.receivers.otlp.protocols.grpc.endpoint: 'localhost' is not allowed; it must be host:port, such as 0.0.0.0:4317 or [::]:4317")]
    [InlineData("distributor: {receivers: {otlp: {protocols: {grpc: {tls: {cert_file: a}}}}}}", "tempo.yaml:1:53: distributor.receivers.otlp.protocols.grpc.tls.key_file: is missing: TLS needs the certificate's key, in key_file or key_pem")]
    [InlineData("distributor: {receivers: {otlp: {protocols: {http: {auth: {authenticator: x}}}}}}", "tempo.yaml:1:53: distributor.receivers.otlp.protocols.http.auth: not supported: put a proxy that authenticates in front, or use mutual TLS")]
    [InlineData("server: {http_tls_config: {cert_file: a, key_file: b, client_auth_type: RequireAndVerifyClientCert}}", "tempo.yaml:1:73: server.http_tls_config.client_auth_type: 'RequireAndVerifyClientCert' needs client_ca_file or client_ca to verify against")]
    [InlineData("server: {graceful_shutdown_timeout: 1001h}", "tempo.yaml:1:37: server.graceful_shutdown_timeout: '1001h' is not allowed; it must be a Go duration such as 250ms, 15s, 1.5h or 1h30m, from 0s to 1000h")]
    [InlineData("metrics_generator: {registry: {collection_interval: 1001h}}", "tempo.yaml:1:53: metrics_generator.registry.collection_interval: '1001h' is not allowed; it must be a Go duration such as 250ms, 15s, 1.5h or 1h30m, from 100ms to 1000h")]
    [InlineData("metrics_generator: {storage: {remote_write_flush_deadline: 1001h}}", "tempo.yaml:1:60: metrics_generator.storage.remote_write_flush_deadline: '1001h' is not allowed; it must be a Go duration such as 250ms, 15s, 1.5h or 1h30m, from 0s to 1000h")]
    [InlineData("metrics_generator: {storage: {remote_write: [{url: 'http://h', remote_timeout: 9y}]}}", "tempo.yaml:1:80: metrics_generator.storage.remote_write[0].remote_timeout: '9y' is not allowed; it must be a Prometheus duration such as 250ms, 15s, 1h30m or 7d, from 1ms to 1000h")]
    [InlineData("metrics_generator: {storage: {path: \"a\\0b\"}}", "tempo.yaml:1:37: metrics_generator.storage.path: has a character with the code 0, which no path has")]
    [InlineData("storage: {trace: {backend: s3}}", "tempo.yaml:1:28: storage.trace.backend: 's3' is not supported; allowed: local, azure")]
    [InlineData("storage: {trace: {backend: tape}}", "tempo.yaml:1:28: storage.trace.backend: 'tape' is not known; allowed: local, azure")]
    [InlineData("metrics_generator: {limiter_type: entities}", "tempo.yaml:1:35: metrics_generator.limiter_type: 'entities' is not known; allowed: series, entity")]
    [InlineData("metrics_generator: {snapshot: always}", "tempo.yaml:1:31: metrics_generator.snapshot: 'always' is not known; allowed: on_stop, every_collection, off")]
    [InlineData("metrics_generator: {dedupe_window: 2h}", "tempo.yaml:1:36: metrics_generator.dedupe_window: '2h' is not allowed; it must be a Go duration such as 250ms, 15s, 1.5h or 1h30m, from 0s to 1h")]
    [InlineData("metrics_generator: {dedupe_max_spans: 5}", "tempo.yaml:1:39: metrics_generator.dedupe_max_spans: '5' is not allowed; it must be a whole number from 1000 to 100000000")]
    [InlineData("overrides: {defaults: {metrics_generator: {dedupe_window: 2h}}}", "tempo.yaml:1:59: overrides.defaults.metrics_generator.dedupe_window: '2h' is not allowed; it must be a Go duration such as 250ms, 15s, 1.5h or 1h30m, from 0s to 1h")]
    [InlineData("metrics_generator: {metrics_ingestion_time_range_slack: 13h}", "tempo.yaml:1:57: metrics_generator.metrics_ingestion_time_range_slack: '13h' is not allowed; it must be a Go duration such as 250ms, 15s, 1.5h or 1h30m, from 0s to 12h")]
    [InlineData("metrics_generator: {registry: {external_labels: {a-b: c}}}", "tempo.yaml:1:32: metrics_generator.registry.external_labels: 'a-b' is not a label name; allowed is [a-zA-Z_][a-zA-Z0-9_]*, but not __name__")]
    [InlineData("metrics_generator: {registry: {inject_tenant_id_as: 1}}", "tempo.yaml:1:53: metrics_generator.registry.inject_tenant_id_as: '1' is not a label name; allowed is [a-zA-Z_][a-zA-Z0-9_]*")]
    [InlineData("metrics_generator: {processor: {span_metrics: {histogram_buckets: [1, 1]}}}", "tempo.yaml:1:71: metrics_generator.processor.span_metrics.histogram_buckets[1]: 1 is not greater than the 1 before it; buckets must ascend")]
    [InlineData("metrics_generator: {processor: {span_metrics: {histogram_buckets: [fast]}}}", "tempo.yaml:1:68: metrics_generator.processor.span_metrics.histogram_buckets[0]: 'fast' is not a number of seconds; +Inf is added by itself")]
    [InlineData("metrics_generator: {processor: {span_metrics: {dimensions: all}}}", "tempo.yaml:1:60: metrics_generator.processor.span_metrics.dimensions: must be a list, this is a single value")]
    [InlineData("metrics_generator: {processor: {span_metrics: {dimensions: [a, '']}}}", "tempo.yaml:1:64: metrics_generator.processor.span_metrics.dimensions[1]: is empty; a dimension is the name of an attribute")]
    [InlineData("metrics_generator: {processor: {service_graphs: {dimensions: [~]}}}", "tempo.yaml:1:63: metrics_generator.processor.service_graphs.dimensions[0]: is empty; a dimension is the name of an attribute")]
    [InlineData("overrides: {defaults: {metrics_generator: {processor: {service_graphs: {dimensions: ['']}}}}}", "tempo.yaml:1:86: overrides.defaults.metrics_generator.processor.service_graphs.dimensions[0]: is empty; a dimension is the name of an attribute")]
    [InlineData("metrics_generator: {processor: {span_metrics: {dimensions: [1.x], dimension_mappings: [{name: 1-x, source_labels: [c]}]}}}", "tempo.yaml:1:67: metrics_generator.processor.span_metrics.dimension_mappings: dimension mapping '1-x' makes the label '_1_x', which dimension '1.x' makes already; every mapping needs a label of its own")]
    [InlineData("storage: {trace: {blocklist_poll: 1ms}}", "tempo.yaml:1:35: storage.trace.blocklist_poll: '1ms' is not allowed; it must be a Go duration such as 250ms, 15s, 1.5h or 1h30m, from 100ms to 1000h")]
    [InlineData("metrics_generator: {processor: {span_metrics: {dimension_mappings: [{source_labels: [a]}]}}}", "tempo.yaml:1:69: metrics_generator.processor.span_metrics.dimension_mappings[0].name: is missing: a dimension mapping needs the name of its label")]
    [InlineData("metrics_generator: {processor: {span_metrics: {dimension_mappings: [{name: a}]}}}", "tempo.yaml:1:69: metrics_generator.processor.span_metrics.dimension_mappings[0].source_labels: is missing: a dimension mapping needs at least one attribute to take its value from")]
    [InlineData("metrics_generator: {processor: {span_metrics: {dimensions: [a.b], dimension_mappings: [{name: a_b, source_labels: [c]}]}}}", "tempo.yaml:1:67: metrics_generator.processor.span_metrics.dimension_mappings: dimension mapping 'a_b' makes the label 'a_b', which dimension 'a.b' makes already; every mapping needs a label of its own")]
    [InlineData("metrics_generator: {processor: {span_metrics: {filter_policies: [{}]}}}", "tempo.yaml:1:66: metrics_generator.processor.span_metrics.filter_policies[0]: a filter policy needs at least one of include, include_any, exclude")]
    [InlineData("metrics_generator: {processor: {span_metrics: {filter_policies: [{include: {attributes: []}}]}}}", "tempo.yaml:1:67: metrics_generator.processor.span_metrics.filter_policies[0].include.match_type: is missing; allowed: strict, regex")]
    public void A_wrong_value_is_an_error_with_its_place_and_what_is_allowed(string text, string error) => Assert.Equal([error], Errors(text));

    [Theory]
    [InlineData("{key: duration, value: 1}", "strict", "tempo.yaml:6:18: P.key: 'duration' is not allowed; it must be kind, status, name, resource.KEY or span.KEY")]
    [InlineData("{key: kind, value: SERVER}", "strict", "tempo.yaml:6:31: P.value: 'SERVER' is not a span kind; allowed: SPAN_KIND_UNSPECIFIED, SPAN_KIND_INTERNAL, SPAN_KIND_SERVER, SPAN_KIND_CLIENT, SPAN_KIND_PRODUCER, SPAN_KIND_CONSUMER")]
    [InlineData("{key: status, value: error}", "strict", "tempo.yaml:6:33: P.value: 'error' is not a status; allowed: STATUS_CODE_UNSET, STATUS_CODE_OK, STATUS_CODE_ERROR")]
    [InlineData("{key: span.x}", "strict", "tempo.yaml:6:12: P.value: is missing")]
    [InlineData("{key: span.x, value: (?=a)}", "regex", "tempo.yaml:6:33: P.value: '(?=a)' is not a regular expression: '(?=' is not supported; flags are i, m, s, U")]
    public void A_wrong_filter_attribute_is_an_error(string attribute, string matchType, string error)
    {
        var text = $"""
            metrics_generator:
             processor:
              service_graphs:
               filter_policies:
                - include: {"{"}match_type: {matchType}, attributes: [
                      {attribute}]{"}"}
            """;

        var expected = error.Replace("P.", "metrics_generator.processor.service_graphs.filter_policies[0].include.attributes[0].");
        var position = expected.IndexOf(": ", StringComparison.Ordinal);
        var found = Assert.Single(Errors(text));
        Assert.StartsWith("tempo.yaml:6:", found);
        Assert.Equal(expected[position..], found[found.IndexOf(": ", StringComparison.Ordinal)..]);
    }

    [Theory]
    [InlineData("{}", "url: is missing; allowed is an http:// or https:// URL")]
    [InlineData("{url: 'ftp://user:hidden@host/x'}", "url: 'ftp://user:xxxxx@host/x' is not an http:// or https:// URL")]
    [InlineData("{url: http://h, oauth2: {client_id: a}}", "oauth2: not supported, and out of scope; allowed are basic_auth, authorization, azuread, headers and client certificates")]
    [InlineData("{url: http://h, sigv4: {region: a}}", "sigv4: not supported, and out of scope; allowed are basic_auth, authorization, azuread, headers and client certificates")]
    [InlineData("{url: http://h, google_iam: {credentials_file: a}}", "google_iam: not supported, and out of scope; allowed are basic_auth, authorization, azuread, headers and client certificates")]
    [InlineData("{url: http://h, azuread: {cloud: AzurePublik, sdk: {}}}", "azuread.cloud: 'AzurePublik' is not known; did you mean 'AzurePublic'? Allowed: AzurePublic, AzureChina, AzureGovernment")]
    [InlineData("{url: http://h, azuread: {}}", "azuread.managed_identity: is missing, and so is every other way to sign in; allowed is one of managed_identity, workload_identity, oauth, sdk")]
    [InlineData("{url: http://h, azuread: {managed_identity: {}, sdk: {}}}", "azuread.sdk: stands beside managed_identity; allowed is one of managed_identity, workload_identity, oauth, sdk")]
    [InlineData("{url: http://h, azuread: {managed_identity: {client_id: me}}}", "azuread.managed_identity.client_id: 'me' is not a UUID")]
    [InlineData("{url: http://h, azuread: {workload_identity: {client_id: 00000000-a12b-3cd4-e56f-000000000000}}}", "azuread.workload_identity.tenant_id: is missing; allowed is a UUID")]
    [InlineData("{url: http://h, azuread: {oauth: {client_id: 00000000-a12b-3cd4-e56f-000000000000, tenant_id: contoso.com}}}", "azuread.oauth.client_secret: is missing")]
    [InlineData("{url: http://h, azuread: {oauth: {client_id: 00000000-a12b-3cd4-e56f-000000000000, client_secret: a}}}", "azuread.oauth.tenant_id: is missing; allowed is a UUID or a domain name")]
    [InlineData("{url: http://h, azuread: {sdk: {tenant_id: a/b}}}", "azuread.sdk.tenant_id: 'a/b' is not a tenant; allowed are letters, digits, - and .")]
    [InlineData("{url: http://h, azuread: {sdk: {}, scope: 'a?b'}}", "azuread.scope: 'a?b' is not a scope; allowed are letters, digits, spaces and _:/.-")]
    [InlineData("{url: http://h, azuread: {sdk: {}}, basic_auth: {username: a}}", "azuread: stands beside basic_auth, authorization or bearer_token; allowed is one of them")]
    [InlineData("{url: http://h, protobuf_message: io.prometheus.write.v3.Request}", "protobuf_message: 'io.prometheus.write.v3.Request' is not known; did you mean 'io.prometheus.write.v2.Request'? Allowed: prometheus.WriteRequest, io.prometheus.write.v2.Request")]
    [InlineData("{url: http://h, metadata_config: {send_interval: 0s}}", "metadata_config.send_interval: '0s' is not allowed; it must be a Prometheus duration such as 250ms, 15s, 1h30m or 7d, at least 1ms")]
    [InlineData("{url: http://h, metadata_config: {max_samples_per_send: 0}}", "metadata_config.max_samples_per_send: '0' is not allowed; it must be a whole number of at least 1")]
    [InlineData("{url: http://h, basic_auth: {username: a}, authorization: {credentials: b}}", "basic_auth: stands beside authorization or bearer_token; allowed is at most one of basic_auth, authorization, bearer_token, bearer_token_file")]
    [InlineData("{url: http://h, basic_auth: {password: a, password_file: b}}", "basic_auth.password_file: stands beside password; allowed is one of the two")]
    [InlineData("{url: http://h, authorization: {type: Basic}}", "authorization.type: 'basic' is not allowed; write basic_auth instead")]
    [InlineData("{url: http://h, bearer_token: a, authorization: {credentials: b}}", "bearer_token: stands beside authorization; allowed is one of the two")]
    [InlineData("{url: http://h, headers: {Authorization: b}}", "headers: 'Authorization' does not belong here; allowed are basic_auth and authorization")]
    [InlineData("{url: http://h, headers: {Content-Type: b}}", "headers: 'Content-Type' is a header that remote write sets itself")]
    [InlineData("{url: http://h, headers: {'a b': b}}", "headers: 'a b' is not a header name; allowed are letters, digits and !#$%&'*+-.^_`|~")]
    [InlineData("{url: http://h, headers: {\"a\\nHost: b\": b}}", "headers: 'a\\nHost: b' is not a header name; allowed are letters, digits and !#$%&'*+-.^_`|~")]
    [InlineData("{url: http://h, headers: {Proxy-Connection: b}}", "headers: 'Proxy-Connection' is a header that remote write sets itself")]
    [InlineData("{url: http://h, headers: {a: \"hidden\\nX-Scope-OrgID: b\"}}", "headers: the value of 'a' holds a line break, and a header is one line")]
    [InlineData("{url: http://h, headers: {a: \"hidden\\r\\n\"}}", "headers: the value of 'a' ends in a line break, and a header is one line; in YAML, write |- where you wrote |")]
    [InlineData("{url: http://h, headers: {a: \"hidden\\0\"}}", "headers: the value of 'a' cannot be sent in a header: character 7 is a control character")]
    [InlineData("{url: http://h, headers: {a: hiddé}}", "headers: the value of 'a' cannot be sent in a header: character 5 is not ASCII")]
    [InlineData("{url: http://h, http_headers: {a: {values: [\"hidden\\nb\"]}}}", "http_headers.a.values: the value holds a line break, and a header is one line")]
    [InlineData("{url: http://h, http_headers: {a: {secrets: [ok, \"hidden\\nb\"]}}}", "http_headers.a.secrets: the value holds a line break, and a header is one line")]
    [InlineData("{url: http://h, authorization: {type: \"hidden\\nb\"}}", "authorization.type: the value holds a line break, and a header is one line")]
    [InlineData("{url: http://h, authorization: {credentials: \"hidden\\n\"}}", "authorization.credentials: the value ends in a line break, and a header is one line; in YAML, write |- where you wrote |")]
    [InlineData("{url: http://h, bearer_token: \"hidden\\nb\"}", "bearer_token: the value holds a line break, and a header is one line")]
    [InlineData("{url: http://h, basic_auth: {username: 'hidden:b'}}", "basic_auth.username: the value holds a colon, which ends a user name in HTTP's basic authentication")]
    [InlineData("{url: http://h, basic_auth: {password: \"hidden\\n\"}}", "basic_auth.password: the value ends in a line break, and a header is one line; in YAML, write |- where you wrote |")]
    [InlineData("{url: http://h, azuread: {oauth: {client_id: 00000000-a12b-3cd4-e56f-000000000000, tenant_id: contoso.com, client_secret: \"hidden\\nb\"}}}", "azuread.oauth.client_secret: the value holds a line break, and a header is one line")]
    [InlineData("{url: 'localhost/write?token=hidden'}", "url: 'localhost/write?token=xxxxx' is not an http:// or https:// URL")]
    [InlineData("{url: http://h, proxy_url: 'user:hidden@proxy:3128'}", "proxy_url: 'xxxxx@proxy:3128' is not an http:// or https:// URL")]
    [InlineData("{url: http://h, tls_config: {cert_file: a}}", "tls_config.key_file: is missing: a client certificate needs its key, in key_file or key")]
    [InlineData("{url: http://h, tls_config: {min_version: TLS10}}", "tls_config.min_version: 'TLS10' is not known; did you mean 'TLS12'? Allowed: TLS12, TLS13")]
    [InlineData("{url: http://h, queue_config: {max_disk_bytes: 0}}", "queue_config.max_disk_bytes: '0' is not allowed; it must be a whole number of at least 1")]
    [InlineData("{url: http://h, queue_config: {min_backoff: 10s, max_backoff: 1s}}", "queue_config.min_backoff: min_backoff 10s must not be longer than max_backoff 1s")]
    [InlineData("{url: http://h, remote_timeout: 1.5s}", "remote_timeout: '1.5s' is not allowed; it must be a Prometheus duration such as 250ms, 15s, 1h30m or 7d, from 1ms to 1000h")]
    [InlineData("{url: http://h, write_relabel_configs: [{action: hashmod, target_label: a}]}", "write_relabel_configs[0].modulus: is missing: the action hashmod needs one of at least 1")]
    [InlineData("{url: http://h, write_relabel_configs: [{regex: a}]}", "write_relabel_configs[0].target_label: is missing: the action replace needs one")]
    [InlineData("{url: http://h, write_relabel_configs: [{regex: '(', action: drop}]}", "write_relabel_configs[0].regex: '(' is not a regular expression: Invalid pattern '\\A(?s:()\\z' at offset 10. Not enough )'s.")]
    [InlineData("{url: http://h, write_relabel_configs: [{regex: a, target_label: b, action: labeldrop}]}", "write_relabel_configs[0].action: labeldrop goes with regex alone")]
    [InlineData("{url: http://h, write_relabel_configs: [{action: erase}]}", "write_relabel_configs[0].action: 'erase' is not known; allowed: replace, keep, drop, keepequal, dropequal, hashmod, labelmap, labeldrop, labelkeep, lowercase, uppercase")]
    public void A_wrong_remote_write_entry_is_an_error(string entry, string error)
    {
        var found = Assert.Single(Errors($"metrics_generator:\n  storage:\n    remote_write:\n      - {entry}"));

        Assert.StartsWith("tempo.yaml:4:", found);
        Assert.DoesNotContain("hidd", found);
        Assert.EndsWith($": metrics_generator.storage.remote_write[0].{error}", found);
    }

    [Theory]
    [InlineData("path: queue", "{trace: {wal: {path: queue/wal}}}", "72: metrics_generator.storage.path: left unused: the write-ahead log's directory 'queue/wal' is within the remote write queue's 'queue'. Write a directory of its own, or an empty one")]
    [InlineData("path: data", "", "72: metrics_generator.storage.path: left unused: the remote write queue's directory 'data' and the blocks' 'data/blocks' must be two, neither within the other. Write a directory of its own, or an empty one")]
    [InlineData("", "{trace: {local: {path: data}, wal: {path: wal}}}", "21: metrics_generator.storage.path: left unused: the remote write queue's directory 'data/generator' and the blocks' 'data' must be two, neither within the other. Write a directory of its own, or an empty one")]
    public void A_directory_of_the_remote_write_queue_that_is_not_its_own_is_left_unused(string path, string traces, string warning)
    {
        var result = Parse($"storage: {traces}\nmetrics_generator: {{storage: {{remote_write: [{{url: 'http://h'}}], {path}}}}}\noverrides: {{defaults: {{metrics_generator: {{processors: [span-metrics]}}}}}}");

        Assert.Equal([$"tempo.yaml:2:{warning}"], result.Warnings.Select(static w => w.ToString()));
        Assert.Equal("", result.Value!.MetricsGenerator.Storage.Path);
    }

    [Fact]
    public void A_template_that_was_not_rendered_is_named_so() => Assert.Contains(
        "tempo.yaml:1:29: a key must be a single value, this is a mapping; where it is of a template ({{ … }}), render that first",
        Errors("server: {http_listen_port: {{ .Port }}}"));

    [Fact]
    public void Two_endpoints_of_one_name_are_an_error() => Assert.Equal(
        ["tempo.yaml:1:31: metrics_generator.storage.remote_write: the name 'a' stands twice; every endpoint needs a name of its own"],
        Errors("metrics_generator: {storage: {remote_write: [{name: a, url: http://h}, {name: a, url: http://i}]}}"));

    [Theory]
    [InlineData("metrics_generator: {processors: [span-metric]}", "metrics_generator.processors[0]: 'span-metric' is not a processor; did you mean 'span-metrics'? Allowed: service-graphs, service-graphs-request, service-graphs-latency, service-graphs-connection-info, span-metrics, span-metrics-count, span-metrics-latency, span-metrics-size, host-info")]
    [InlineData("metrics_generator: {processor: {host_info: {host_identifiers: []}}}", "metrics_generator.processor.host_info.host_identifiers: is empty; it must name at least one resource attribute")]
    [InlineData("metrics_generator: {processor: {host_info: {metric_name: host-info}}}", "metrics_generator.processor.host_info.metric_name: 'host-info' is not a metric name; allowed is [a-zA-Z_:][a-zA-Z0-9_:]*")]
    [InlineData("metrics_generator: {collection_interval: 50ms}", "metrics_generator.collection_interval: '50ms' is not allowed; it must be from 100ms to 1000h")]
    [InlineData("metrics_generator: {collection_interval: -1s}", "metrics_generator.collection_interval: '-1s' is not allowed; it must be a Go duration such as 250ms, 15s, 1.5h or 1h30m, not negative")]
    [InlineData("metrics_generator: {generate_native_histograms: natively}", "metrics_generator.generate_native_histograms: 'natively' is not known; did you mean 'native'? Allowed: classic, native, both")]
    [InlineData("metrics_generator: {native_histogram_bucket_factor: 1}", "metrics_generator.native_histogram_bucket_factor: '1' is not allowed; it must be a number greater than 1, or 0 for the default")]
    [InlineData("metrics_generator: {native_histogram_bucket_factor: NaN}", "metrics_generator.native_histogram_bucket_factor: 'NaN' is not allowed; it must be a number greater than 1, or 0 for the default")]
    [InlineData("metrics_generator: {native_histogram_max_bucket_number: -1}", "metrics_generator.native_histogram_max_bucket_number: '-1' is not allowed; it must be a whole number of at least 0")]
    [InlineData("metrics_generator: {native_histogram_min_reset_duration: -1m}", "metrics_generator.native_histogram_min_reset_duration: '-1m' is not allowed; it must be a Go duration such as 250ms, 15s, 1.5h or 1h30m, not negative")]
    [InlineData("metrics_generator: {span_name_sanitization: dry-run}", "metrics_generator.span_name_sanitization: 'dry-run' is not known; did you mean 'dry_run'? Allowed: dry_run, enabled")]
    [InlineData("metrics_generator: {max_cardinality_per_label: -1}", "metrics_generator.max_cardinality_per_label: '-1' is not allowed; it must be a whole number of at least 0")]
    [InlineData("metrics_generator: {max_active_entities: 1.5}", "metrics_generator.max_active_entities: '1.5' is not allowed; it must be a whole number of at least 0")]
    [InlineData("metrics_generator: {trace_id_label_name: trace-id}", "metrics_generator.trace_id_label_name: 'trace-id' is not a label name; allowed is [a-zA-Z_][a-zA-Z0-9_]*")]
    [InlineData("metrics_generator: {remote_write_headers: {'a:b': c}}", "metrics_generator.remote_write_headers: 'a:b' is not a header name; allowed are letters, digits and !#$%&'*+-.^_`|~")]
    [InlineData("metrics_generator: {remote_write_headers: {a: \"b\\nX-Scope-OrgID: c\"}}", "metrics_generator.remote_write_headers: the value of 'a' holds a line break, and a header is one line")]
    [InlineData("metrics_generator: {remote_write_headers: {a: ü}}", "metrics_generator.remote_write_headers: the value of 'a' cannot be sent in a header: character 1 is not ASCII")]
    [InlineData("metrics_generator: {remote_write_headers: {transfer-encoding: b}}", "metrics_generator.remote_write_headers: 'transfer-encoding' is a header that remote write sets itself")]
    [InlineData("ingestion: {burst_size_bytes: 0}", "ingestion.burst_size_bytes: 0 would refuse every request while rate_limit_bytes is 30000000; it must be at least the size of a request")]
    [InlineData("ingestion: {rate_strategy: fair}", "ingestion.rate_strategy: 'fair' is not known; allowed: local, global")]
    [InlineData("metrics_generator: {ring_size: 65}", "metrics_generator.ring_size: '65' is not allowed; it must be a whole number from 0 to 64")]
    [InlineData("compaction: {block_retention: 1.5h}", "compaction.block_retention: '1.5h' is not allowed; it must be a Prometheus duration such as 250ms, 15s, 1h30m or 7d, from 0s to 876000h")]
    [InlineData("compaction: {compaction_disabled: 2}", "compaction.compaction_disabled: '2' is not allowed; it must be true or false")]
    [InlineData("compaction: {retention: 2}", "compaction.retention: unknown key; allowed: block_retention, compaction_disabled")]
    [InlineData("global: {max_bytes_per_trace: -1}", "global.max_bytes_per_trace: '-1' is not allowed; it must be a whole number of at least 0")]
    [InlineData("ingestion: {max_traces_per_user: -1}", "ingestion.max_traces_per_user: '-1' is not allowed; it must be a whole number of at least 0")]
    public void A_wrong_override_is_an_error(string defaults, string error)
    {
        var found = Assert.Single(Errors($"overrides:\n  defaults:\n    {defaults}"));

        Assert.StartsWith("tempo.yaml:3:", found);
        Assert.EndsWith($": overrides.defaults.{error}", found);
    }

    [Theory]
    [InlineData("overrides:\n  defaults: {ingestion: }\n  max_bytes_per_trace: 1", "3:3: overrides.max_bytes_per_trace: the flat form of overrides cannot stand beside the scoped one; write it as overrides.defaults.global.max_bytes_per_trace")]
    [InlineData("overrides:\n  defaults: {ingestion: }\n  forwarders: []", "3:3: overrides.forwarders: is a tenant's; write it as overrides.defaults.forwarders")]
    [InlineData("overrides:\n  defaults:\n    metrics_generator: {}\n    metrics_generator_ring_size: 3", "4:5: overrides.defaults.metrics_generator_ring_size: the flat form of overrides cannot stand beside the scoped one; write it as overrides.defaults.metrics_generator.ring_size")]
    [InlineData("overrides:\n  max_traces_per_user: 1\n  ingestion_max_traces_per_user: 1", "3:3: overrides.defaults.ingestion_max_traces_per_user: the flat form of overrides cannot stand beside the scoped one; write it as overrides.defaults.ingestion.max_traces_per_user")]
    [InlineData("overrides:\n  metrics_generator_processors: [span-metric]", "2:34: overrides.defaults.metrics_generator.processors[0]: 'span-metric' is not a processor; did you mean 'span-metrics'? Allowed: service-graphs, service-graphs-request, service-graphs-latency, service-graphs-connection-info, span-metrics, span-metrics-count, span-metrics-latency, span-metrics-size, host-info")]
    public void What_is_wrong_with_flat_overrides_is_an_error(string text, string error) => Assert.Equal([$"tempo.yaml:{error}"], Errors(text));

    [Theory]
    [InlineData("search_enabled: true", "search_enabled: removed in Tempo 2.0; remove it")]
    [InlineData("metrics_generator_enabled: true", "metrics_generator_enabled: removed in Tempo 2.0; remove it; a tenant has a generator where its overrides name processors (overrides.defaults.metrics_generator.processors)")]
    [InlineData("http_prefix: /x", "http_prefix: removed in Tempo 1.0; write http_api_prefix")]
    [InlineData("distributor: {log_received_traces: true}", "distributor.log_received_traces: removed in Tempo 2.3; remove it")]
    [InlineData("distributor: {search_tags_deny_list: [a]}", "distributor.search_tags_deny_list: removed in Tempo 2.1; remove it")]
    [InlineData("ingester: {use_flatbuffer_search: true}", "ingester.use_flatbuffer_search: removed in Tempo 2.0; remove it")]
    [InlineData("ingester: {traces_per_block: 5}", "ingester.traces_per_block: removed in Tempo 0.6; write max_block_bytes")]
    [InlineData("compactor: {compaction: {chunk_size_bytes: 5}}", "compactor.compaction.chunk_size_bytes: removed in Tempo 2.0; remove it")]
    [InlineData("storage: {trace: {maintenance_cycle: 5m}}", "storage.trace.maintenance_cycle: removed in Tempo 0.3; write blocklist_poll")]
    [InlineData("storage: {trace: {wal: {completedfilepath: /x}}}", "storage.trace.wal.completedfilepath: removed in Tempo 2.6; remove it")]
    [InlineData("storage: {trace: {azure: {use_v2_sdk: true}}}", "storage.trace.azure.use_v2_sdk: removed in Tempo 2.6; remove it")]
    [InlineData("storage: {trace: {azure: {storage-account-name: a}}}", "storage.trace.azure.storage-account-name: removed in Tempo 2.0; write storage_account_name")]
    [InlineData("storage: {trace: {backend: azure, azure: {storage-account-name: a}}}", "storage.trace.azure.storage-account-name: removed in Tempo 2.0; write storage_account_name")]
    [InlineData("overrides: {max_search_bytes_per_trace: 5}", "overrides.max_search_bytes_per_trace: removed in Tempo 2.1; remove it")]
    [InlineData("overrides: {ingestion_rate_limit: 5}", "overrides.ingestion_rate_limit: removed in Tempo 0.7; write ingestion.rate_limit_bytes")]
    [InlineData("overrides: {defaults: {max_spans_per_trace: 5}}", "overrides.defaults.max_spans_per_trace: removed in Tempo 0.7; write global.max_bytes_per_trace")]
    [InlineData("overrides: {block_retention: 1h, search_tags_allow_list: [a]}", "overrides.defaults.search_tags_allow_list: removed in Tempo 2.1; remove it")]
    public void A_key_that_Tempo_has_removed_is_named_so_and_not_as_misspelt(string text, string error) => Assert.Equal(error, Assert.Single(Parse(text).Errors).Message);

    [Theory]
    [InlineData("enabled: true, client: {backend: s3}", "client.backend: 's3' is not supported; allowed: local, azure, or empty for the object store of the traces")]
    [InlineData("enabled: true, client: {backend: loca}", "client.backend: 'loca' is not known; allowed: local, azure, or empty for the object store of the traces")]
    [InlineData("enabled: true, client: {backend: azure}", "client.azure.container_name: is missing: the backend azure needs a container")]
    [InlineData("enabled: true, client: {backend: azure, azure: {container_name: c}}", "client.azure.storage_account_key: is missing, or another way to sign in; allowed is one of connection_string, storage_account_key, use_managed_identity, use_federated_token")]
    [InlineData("poll_interval: 1ms", "poll_interval: '1ms' is not allowed; it must be a Go duration such as 250ms, 15s, 1.5h or 1h30m, from 100ms to 1000h")]
    [InlineData("api: {check: true}", "api.check: unknown key; allowed: check_for_conflicting_runtime_overrides")]
    public void Where_user_configurable_overrides_are_to_be_kept_is_checked(string block, string error)
    {
        var errors = Errors($"overrides: {{user_configurable_overrides: {{{block}}}}}");

        Assert.Equal($"overrides.user_configurable_overrides.{error}", errors[0].Split(": ", 2)[1]);
    }

    [Fact]
    public void A_directory_for_user_configurable_overrides_is_needed_where_the_traces_have_none() => Assert.Equal(
        ["tempo.yaml:2:61: overrides.user_configurable_overrides.client.backend: 'local' needs local.path where the traces are not in a directory"],
        Errors(
            "storage: {trace: {backend: azure, azure: {container_name: c, connection_string: x}}}\n"
            + "overrides: {user_configurable_overrides: {client: {backend: local}, enabled: true}}"));

    [Fact]
    public void User_configurable_overrides_that_are_off_may_be_kept_anywhere() =>
        Assert.Empty(Warnings("overrides: {user_configurable_overrides: {enabled: false, client: {backend: s3}}}"));

    [Fact]
    public void A_key_that_stands_twice_is_an_error_with_both_places() => Assert.Equal(
        ["tempo.yaml:3:1: the key 'server' stands twice; it is on line 1 already"],
        Errors("server:\n  log_level: info\nserver:\n  log_level: warn\n"));

    [Fact]
    public void Text_that_is_not_YAML_is_an_error_with_its_place()
    {
        var error = Assert.Single(Errors("server:\n  log_level: \"info\n"));
        Assert.StartsWith("tempo.yaml:2:14: this is not valid YAML: ", error);
    }

    [Theory]
    [InlineData("- a", "tempo.yaml:1:1: the file must hold a mapping of keys to values, this is a list")]
    [InlineData("{a: *b}", "tempo.yaml:1:5: this is not valid YAML: the alias *b names no anchor that stands before it")]
    [InlineData("a: &x [*x]", "tempo.yaml:1:8: this is not valid YAML: the alias *x names no anchor that stands before it")]
    [InlineData("[a]: b", "tempo.yaml:1:1: a key must be a single value, this is a list")]
    public void A_document_of_another_shape_is_an_error(string text, string error) => Assert.Equal([error], Errors(text));

    [Theory]
    [InlineData("*hunter2", "a: ${PASSWORD}")]
    [InlineData("hunter2", "a: *${PASSWORD}")]
    [InlineData("hunter2", "a: *x${PASSWORD}y")]
    public void An_alias_out_of_a_variable_is_an_error_without_its_value(string value, string text)
    {
        var error = Assert.Single(Errors(text, ("PASSWORD", value)));

        Assert.StartsWith("tempo.yaml:1:4: this is not valid YAML: the alias names no anchor that stands before it", error);
        Assert.DoesNotContain("hunter2", error);
    }

    [Fact]
    public void A_long_wrong_value_is_cut_short() =>
        Assert.Contains($"'{new string('x', 40)}…' is not allowed", Assert.Single(Errors($"multitenancy_enabled: {new string('x', 500)}")));

    [Fact]
    public void A_document_nested_without_end_is_an_error() =>
        Assert.Contains("nested deeper than 64 levels", Assert.Single(Errors("a: " + new string('[', 5000) + new string(']', 5000))));
}
