using OrleansTempo.Core.Configuration;
using OrleansTempo.Core.Configuration.RemoteWrite;
using OrleansTempo.Core.Configuration.Server;
using OrleansTempo.Core.Configuration.Storage;
using OrleansTempo.Server.Configuration.Pages;
using static OrleansTempo.Server.Tests.Configuration.ConfigurationText;

namespace OrleansTempo.Server.Tests.Configuration;

public sealed class ConfigurationPageTests
{
    [Fact]
    public void No_secret_is_shown()
    {
        var page = ConfigurationPage.Render(Options(
            """
            server: {http_tls_config: {cert: certificate, key: hidden1}}
            distributor: {receivers: {otlp: {protocols: {grpc: {tls: {cert_pem: certificate, key_pem: hidden2}}}}}}
            metrics_generator:
              storage:
                remote_write:
                  - url: http://user:hidden3@host/write?api_key=hidden4&x=hidden16
                    proxy_url: http://hidden5@proxy:3128
                    basic_auth: {username: shown2, password: hidden6}
                    headers: {X-Api-Key: hidden7, X-Auth: hidden17, X-Shown: shown3}
                    http_headers: {X-A: {values: [shown4], secrets: [hidden8]}, X-Token: {values: [hidden9]}}
                    tls_config: {cert_file: shown5, key: hidden10}
                  - url: http://host
                    authorization: {credentials: hidden11}
                  - url: http://host
                    bearer_token: hidden12
            storage: {trace: {azure: {storage_account_name: shown6, storage_account_key: hidden14, connection_string: hidden15}}}
            overrides: {defaults: {metrics_generator: {remote_write_headers: {Anything: hidden13}}}}
            """));

        Assert.DoesNotContain("hidden", page);
        for (var i = 2; i <= 6; i++)
            Assert.Contains($"shown{i}", page);
        Assert.Contains("url: http://user:xxxxx@host/write?api_key=xxxxx&x=xxxxx", page);
        Assert.Contains("password: <secret>", page);
        Assert.Contains("storage_account_key: <secret>", page);
        Assert.Contains("Anything: <secret>", page);
    }

    [Fact]
    public void No_secret_is_in_the_text_of_the_options_themselves()
    {
        var entry = new RemoteWriteOptions
        {
            Url = "http://u:hidden@h",
            BasicAuth = new BasicAuthOptions { Password = "hidden" },
            Authorization = new AuthorizationOptions { Credentials = "hidden" },
            TlsConfig = new ClientTlsOptions { Key = "hidden" },
        };
        var listener = new ServerTlsOptions { Key = "hidden" };
        var storage = new TraceStorageOptions { Azure = new AzureStorageOptions { StorageAccountKey = "hidden", ConnectionString = "hidden" } };

        Assert.DoesNotContain("hidden", $"{entry} {entry.BasicAuth} {entry.Authorization} {entry.TlsConfig} {listener} {storage}");
    }

    [Fact]
    public void What_the_page_has_always_shown_stays_in_its_place()
    {
        // status-config.yaml is what the page showed before options were declared in one place, of a file with every block. A new option is a line more.
        var expected = File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "Configuration/files/status-config.yaml"));
        var lines = ConfigurationPage.Render(Options(EveryOption.Text)).Replace("\r", "").Split('\n');
        var at = 0;
        foreach (var line in expected)
        {
            var found = Array.IndexOf(lines, line, at);
            Assert.True(found >= 0, $"'{line}' is not on the page, or not below its line {at}");
            at = found + 1;
        }
    }

    [Fact]
    public void The_page_without_a_file_reads_as_a_configuration_file()
    {
        var page = ConfigurationPage.Render(TempoOptions.WithoutFile);

        Assert.StartsWith("multitenancy_enabled: false\nhttp_api_prefix: \"\"\nserver:\n  http_listen_address: 127.0.0.1\n  http_listen_port: 3200\n", page.Replace("\r", ""));
        Assert.Contains("    processors: [service-graphs, span-metrics]\n", page.Replace("\r", ""));
        Assert.Contains("wait: 10s\n", page.Replace("\r", ""));
    }

    [Theory]
    [InlineData("")]
    [InlineData("auth_enabled: true\nhttp_api_prefix: /x\nserver: {http_listen_address: '::1', log_level: debug, log_format: json, graceful_shutdown_timeout: 1500ms}")]
    [InlineData("distributor: {max_attribute_bytes: 0, receivers: {otlp: {protocols: {http: {endpoint: '[::]:1', cors: {allowed_origins: ['*']}}}}}}")]
    [InlineData("query_frontend: {multi_tenant_queries_enabled: false}")]
    [InlineData("server: {admin_from_anywhere: true}\ndistributor: {receivers: {otlp: {protocols: {http: }}, otlp/2: {protocols: {grpc: {endpoint: ':1'}}}}}")]
    [InlineData("server: {tls_min_version: VersionTLS13, http_tls_config: {cert_file: a, key_file: b, client_ca_file: c, client_auth_type: RequireAndVerifyClientCert}}")]
    [InlineData("distributor: {receivers: {otlp: {protocols: {grpc: {tls: {cert_file: a, key_file: b, client_ca_file: c, min_version: 1.2}}}}}}")]
    [InlineData("metrics_generator: {registry: {external_labels: {a: 'true', b: '1', c: 'x: y', d: \"two\\nlines\"}, inject_tenant_id_as: t}}")]
    [InlineData("metrics_generator: {processor: {span_metrics: {histogram_buckets: [1, 2.5], filter_policies: [{include: {match_type: strict, attributes: [{key: span.a, value: '1'}, {key: span.b, value: 1}, {key: span.c, value: 1.0}, {key: span.d, value: true}]}}]}}}")]
    [InlineData("metrics_generator: {processor: {span_metrics: {dimension_mappings: [{name: a, source_labels: [b, c], join: /}]}}, queue_max_bytes: 5}")]
    [InlineData("metrics_generator: {snapshot: every_collection, dedupe_window: 30s, dedupe_max_spans: 5000}\noverrides: {defaults: {metrics_generator: {dedupe_window: 1m}}}")]
    [InlineData("metrics_generator: {snapshot: off}")]
    [InlineData("metrics_generator: {storage: {remote_write: [{url: 'http://h', write_relabel_configs: [{regex: 'a', action: labeldrop}, {source_labels: [a], action: keep, regex: '\\d+'}], queue_config: {retry_on_http_429: false}}]}}")]
    [InlineData("overrides: {defaults: {ingestion: {rate_limit_bytes: 0}, metrics_generator: {processors: [span-metrics-count], collection_interval: 30s, processor: {service_graphs: {enable_virtual_node_label: true, dimensions: []}}}}, per_tenant_override_config: x.yaml}")]
    [InlineData("ingester: {partitions: 1, trace_idle_period: 1s, trace_live_period: 2s, flush_check_period: 30ms, max_block_bytes: 1e6, max_block_duration: 4m, complete_block_timeout: 50m, max_memory_bytes: 5e7, flush_all_on_shutdown: true}")]
    [InlineData("storage: {trace: {local: {path: a}, wal: {path: b, sync: never, sync_interval: 50ms, segment_bytes: 1e6, type: object, commit_interval: 20ms, commit_bytes: 10_000}, blocklist_poll: 10s}}")]
    [InlineData("storage: {trace: {backend: azure, azure: {storage_account_name: a, container_name: c, prefix: p, endpoint_suffix: e, use_managed_identity: true, user_assigned_id: u}}}")]
    [InlineData("storage: {trace: {backend: azure, azure: {storage_account_name: a, container_name: c, use_federated_token: true}}}")]
    [InlineData("compactor: {disabled: true, compaction: {block_retention: 48h, compacted_block_retention: 20m, compaction_window: 2h, compaction_cycle: 5s, max_block_bytes: 1e6, max_compaction_objects: 1000}}")]
    [InlineData("overrides: {defaults: {ingestion: {max_traces_per_user: 1}, global: {max_bytes_per_trace: 2}, compaction: {block_retention: 1d, compaction_disabled: true}}}")]
    [InlineData("overrides: {user_configurable_overrides: {enabled: true, poll_interval: 5s, client: {backend: local, local: {path: x}}, api: {check_for_conflicting_runtime_overrides: true}}}")]
    [InlineData("overrides: {user_configurable_overrides: {enabled: true, client: {backend: azure, azure: {storage_account_name: a, container_name: c, use_managed_identity: true}}}}")]
    public void The_page_gives_the_same_options_again(string text)
    {
        var options = Options(text);

        Assert.Equal(options, Options(ConfigurationPage.Render(options)));
    }
}
