using Microsoft.Extensions.Logging;
using OrleansTempo.Core.Blocks.Compaction;
using OrleansTempo.Core.Configuration;
using OrleansTempo.Core.Configuration.Compactor;
using OrleansTempo.Core.Configuration.Distributor;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Configuration.Ingester;
using OrleansTempo.Core.Configuration.RemoteWrite;
using OrleansTempo.Core.Configuration.Server;
using OrleansTempo.Core.Configuration.Storage;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Generator.Registry;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Server.Configuration;
using OrleansTempo.Server.Configuration.Pages;
using static OrleansTempo.Server.Tests.Configuration.ConfigurationText;

namespace OrleansTempo.Server.Tests.Configuration;

public sealed class TempoConfigurationTests
{
    [Fact]
    public void Without_a_file_both_processors_are_on_and_nothing_is_limited_or_sent()
    {
        var options = TempoOptions.WithoutFile;
        var settings = GeneratorSettings.Resolve(options.MetricsGenerator, options.Overrides.Defaults);

        Assert.False(options.MultitenancyEnabled);
        Assert.Equal(0, options.Overrides.Defaults.Ingestion.RateLimitBytes);
        Assert.Equal(0, options.Overrides.Defaults.Ingestion.MaxTracesPerUser);
        Assert.Equal(5_000_000, options.Overrides.Defaults.Global.MaxBytesPerTrace);
        Assert.Equal("data/wal", options.Storage.Trace.Wal.Path);
        Assert.Equal("data/blocks", options.Storage.Trace.LocalPath);
        Assert.True(settings is { SpanMetricsCount: true, SpanMetricsLatency: true, SpanMetricsSize: true });
        Assert.True(settings is { ServiceGraphsRequest: true, ServiceGraphsLatency: true, ServiceGraphsConnectionInfo: false });
        Assert.Empty(options.MetricsGenerator.Storage.RemoteWrite);
        Assert.Equal("127.0.0.1", options.Server.HttpListenAddress);
        Assert.Equal(3200, options.Server.HttpListenPort);
        Assert.Equal("127.0.0.1:4317", options.Distributor.Receivers.Otlp[0].Protocols.Grpc!.Endpoint.ToString());
        Assert.Equal("127.0.0.1:4318", options.Distributor.Receivers.Otlp[0].Protocols.Http!.Endpoint.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("# nothing but a comment\n")]
    [InlineData("server:\noverrides:\n  defaults:\n")]
    public void A_file_that_says_nothing_is_Tempos_defaults(string text)
    {
        var options = Options(text);

        Assert.Equal(new TempoOptions(), options);
        Assert.Equal(30_000_000, options.Overrides.Defaults.Ingestion.RateLimitBytes);
        Assert.Equal(30_000_000, options.Overrides.Defaults.Ingestion.BurstSizeBytes);
        Assert.Equal(10_000, options.Overrides.Defaults.Ingestion.MaxTracesPerUser);
        Assert.Equal(5_000_000, options.Overrides.Defaults.Global.MaxBytesPerTrace);
        Assert.False(GeneratorSettings.Resolve(options.MetricsGenerator, options.Overrides.Defaults).SpanMetricsEnabled);
        Assert.Equal(2048, options.Distributor.MaxAttributeBytes);
        Assert.Equal(TimeSpan.FromSeconds(5), options.Distributor.RetryAfterOnResourceExhausted);
        Assert.Equal(268_435_456, options.MetricsGenerator.QueueMaxBytes);
        Assert.Equal(SnapshotMode.OnStop, options.MetricsGenerator.Snapshot);
        Assert.Equal((TimeSpan.Zero, 1_000_000), (options.MetricsGenerator.DedupeWindow, options.MetricsGenerator.DedupeMaxSpans));
        Assert.Equal(TimeSpan.FromSeconds(10), options.Overrides.PerTenantOverridePeriod);
    }

    [Theory]
    [InlineData("")]
    [InlineData("server:\n  http_listen_address:\n")]
    [InlineData("server: {http_listen_address: ''}")]
    public void A_file_that_says_nothing_of_them_listens_where_Tempo_does(string text)
    {
        var options = Options(text);
        var server = ListenerMapping.ToServerOptions(options);

        Assert.Equal(":3200", server.HttpApi.Endpoint);
        Assert.Equal("127.0.0.1:4317", Assert.Single(server.OtlpGrpc).Endpoint);
        Assert.Equal("127.0.0.1:4318", Assert.Single(server.OtlpHttp).Endpoint);
        Assert.False(server.AdminFromAnywhere);
        Assert.True(ListenerMapping.ToServerOptions(Options("server: {admin_from_anywhere: true}")).AdminFromAnywhere);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("0s")]
    public void A_blocklist_poll_of_0_is_the_default(string poll) => Assert.Equal(TimeSpan.FromMinutes(5), Options($"storage: {{trace: {{blocklist_poll: {poll}}}}}").Storage.Trace.BlocklistPoll);

    [Theory]
    [InlineData("/var/tempo/wal")]
    [InlineData("/var/tempo/wal/")]
    [InlineData("/var/tempo/x/../wal")]
    public void A_generators_directory_that_is_the_logs_has_a_folder_of_its_own_in_it(string path)
    {
        var text = $"storage: {{trace: {{wal: {{path: /var/tempo/wal}}}}}}\nmetrics_generator: {{storage: {{path: {path}, remote_write: [{{url: 'http://h'}}]}}, processor: {{span_metrics: }}}}\noverrides: {{defaults: {{metrics_generator: {{processors: [span-metrics]}}}}}}";
        var below = Path.Combine(path, "generator");

        Assert.Equal([$"tempo.yaml:2:37: metrics_generator.storage.path: '{path}' is the write-ahead log's directory as well; '{below}' is used in its place. Write a directory of its own"], Warnings(text));
        var options = Options(text);
        Assert.Equal(below, options.MetricsGenerator.Storage.Path);

        // As the page shows it, it is fine.
        Assert.Empty(Warnings(ConfigurationPage.Render(options)));
    }

    [Fact]
    public void Flat_overrides_are_read_as_scoped_ones_with_one_warning()
    {
        const string flat =
            """
            overrides:
              ingestion_rate_limit_bytes: 1
              ingestion_burst_size_bytes: 2
              max_traces_per_user: 3
              max_bytes_per_trace: 4
              block_retention: 5h
              forwarders: []
              metrics_generator_ring_size: 6
              metrics_generator_processors: [service-graphs, span-metrics]
              metrics_generator_remote_write_headers: {a: b}
              metrics_generator_ingestion_time_range_slack: 7s
              metrics_generator_processor_service_graphs_peer_attributes: [p]
              metrics_generator_processor_span_metrics_dimensions: [d]
              metrics_generator_processor_span_metrics_intrinsic_dimensions: {span_kind: false}
              metrics_generator_processor_span_metrics_dimension_mappings: [{name: m, source_labels: [s]}]
              metrics_generator_processor_host_info_metric_name: h
              per_tenant_override_config: tenants.yaml
              per_tenant_override_period: 8s
            """;
        const string scoped =
            """
            overrides:
              defaults:
                ingestion: {rate_limit_bytes: 1, burst_size_bytes: 2, max_traces_per_user: 3}
                global: {max_bytes_per_trace: 4}
                compaction: {block_retention: 5h}
                metrics_generator:
                  ring_size: 6
                  processors: [service-graphs, span-metrics]
                  remote_write_headers: {a: b}
                  ingestion_time_range_slack: 7s
                  processor:
                    service_graphs: {peer_attributes: [p]}
                    span_metrics: {dimensions: [d], intrinsic_dimensions: {span_kind: false}, dimension_mappings: [{name: m, source_labels: [s]}]}
                    host_info: {metric_name: h}
              per_tenant_override_config: tenants.yaml
              per_tenant_override_period: 8s
            """;

        Assert.Equal(
            ["tempo.yaml:2:3: overrides: ingestion_rate_limit_bytes is the flat form of overrides, which Tempo 3 refuses; it is read as ingestion.rate_limit_bytes, and other flat keys likewise. 'tempo-cli migrate overrides-config' rewrites them"],
            Warnings(flat));
        Assert.Equal(Options(scoped), Options(flat));
        Assert.Empty(Warnings(scoped));
    }

    [Fact]
    public void Several_OTLP_receivers_have_listeners_of_their_own()
    {
        var server = ListenerMapping.ToServerOptions(Options(
            """
            distributor:
              receivers:
                otlp: {protocols: {grpc: , http: }}
                otlp/2: {protocols: {grpc: {endpoint: ':4319', max_recv_msg_size_mib: 1}}}
                otlp/internal: {protocols: {http: {endpoint: '127.0.0.2:4318', cors: {allowed_origins: ['*']}}, grpc: {endpoint: '127.0.0.2:4317'}}}
            """));

        Assert.Equal([("otlp", "127.0.0.1:4317", 16 << 20), ("otlp/2", ":4319", 1 << 20), ("otlp/internal", "127.0.0.2:4317", 16 << 20)], server.OtlpGrpc.Select(l => (l.Receiver, l.Endpoint, l.MaxRequestBytes)));
        Assert.Equal([("otlp", "127.0.0.1:4318", 0), ("otlp/internal", "127.0.0.2:4318", 1)], server.OtlpHttp.Select(l => (l.Receiver, l.Endpoint, l.Cors.AllowedOrigins.Count)));
    }

    [Fact]
    public void Receivers_that_only_Tempo_has_are_left_out_on_demand()
    {
        var result = TempoConfiguration.Parse(
            """
            distributor:
              receivers:
                jaeger: {protocols: {grpc: {endpoint: 0.0.0.0:14250}, thrift_http: }}
                zipkin:
                otlp: {protocols: {http: {endpoint: 0.0.0.0:4318}}}
            """,
            "tempo.yaml",
            NoEnvironment,
            skipForeignReceivers: true);

        Assert.Empty(result.Errors);
        Assert.Equal(
        [
            "tempo.yaml:3:5: distributor.receivers.jaeger: left out, as -config.skip-foreign-receivers asks: nothing receives jaeger here; put an OpenTelemetry Collector in front that receives jaeger and sends OTLP",
            "tempo.yaml:4:5: distributor.receivers.zipkin: left out, as -config.skip-foreign-receivers asks: nothing receives zipkin here; put an OpenTelemetry Collector in front that receives zipkin and sends OTLP",
        ],
        result.Warnings.Select(w => w.ToString()));
        var receiver = Assert.Single(result.Value!.Distributor.Receivers.Otlp);
        Assert.Null(receiver.Protocols.Grpc);
        Assert.Equal("0.0.0.0:4318", receiver.Protocols.Http!.Endpoint.ToString());
    }

    [Fact]
    public void Where_no_receiver_is_left_OTLP_listens_on_its_default_endpoints()
    {
        var result = TempoConfiguration.Parse("distributor: {receivers: {kafka: {protocol_version: 2.0.0}}}", "tempo.yaml", NoEnvironment, skipForeignReceivers: true);

        Assert.Equal("distributor.receivers.kafka: no other receiver is in the file, so OTLP listens on its default endpoints; name an otlp receiver to choose others", result.Warnings[1].Message);
        Assert.Equal(new ReceiversOptions(), result.Value!.Distributor.Receivers);
    }

    [Fact]
    public void A_Tempo_2_7_file_loads_with_warnings_only()
    {
        var result = TempoConfiguration.Load(Path.Combine(AppContext.BaseDirectory, "Configuration/files/tempo-2.7.yaml"), NoEnvironment);

        Assert.Empty(result.Errors.Select(e => e.ToString()));
        Assert.Equal(
        [
            "2:stream_over_http_enabled", "7:server.grpc_listen_port", "9:server.grpc_server_max_recv_msg_size", "12:query_frontend.search",
            "17:distributor.max_span_attr_byte", "18:distributor.log_received_spans", "20:distributor.ring", "35:ingester.lifecycler", "40:compactor.ring",
            "46:compactor.compaction.v2_out_buffer_bytes", "48:memberlist", "52:metrics_generator.ring",
            "57:metrics_generator.processor.service_graphs.workers", "68:metrics_generator.processor.local_blocks",
            "76:metrics_generator.storage.wal",
            "82:metrics_generator.storage.remote_write[0].queue_config.capacity",
            "86:metrics_generator.traces_storage", "96:storage.trace.pool", "100:storage.trace.azure.max_buffers",
            "111:overrides.defaults.metrics_generator.processors[2]",
        ],
        result.Warnings.Select(w => $"{w.Line}:{w.Message.Split(": ")[0]}"));

        var options = result.Value!;
        Assert.Equal(3210, options.Server.HttpListenPort);
        Assert.Equal(LogLevel.Warning, options.Server.LogLevel);
        Assert.Equal(4096, options.Distributor.MaxAttributeBytes);
        Assert.Equal("0.0.0.0:4317", options.Distributor.Receivers.Otlp[0].Protocols.Grpc!.Endpoint.ToString());
        Assert.Equal("127.0.0.1:4318", options.Distributor.Receivers.Otlp[0].Protocols.Http!.Endpoint.ToString());
        Assert.Equal(TimeSpan.FromSeconds(90), options.MetricsGenerator.Processor.ServiceGraphs.Wait);
        Assert.Equal(10_000, options.MetricsGenerator.Processor.ServiceGraphs.MaxItems);
        Assert.Equal(["http.method", "http.target"], options.MetricsGenerator.Processor.SpanMetrics.Dimensions);
        Assert.Equal("tempo", options.MetricsGenerator.Registry.ExternalLabels["source"]);
        Assert.Equal(8, options.MetricsGenerator.Storage.RemoteWrite[0].QueueConfig.MaxShards);
        Assert.Equal("/var/tempo/generator/wal", options.MetricsGenerator.Storage.Path);
        Assert.Equal(
            new IngesterOptions { MaxBlockDuration = TimeSpan.FromMinutes(5), TraceIdlePeriod = TimeSpan.FromSeconds(10), FlushCheckPeriod = TimeSpan.FromSeconds(10), MaxBlockBytes = 5_242_880 },
            options.Ingester);
        Assert.Equal(new CompactorOptions { BlockRetention = TimeSpan.FromHours(1), CompactedBlockRetention = TimeSpan.FromMinutes(10) }, options.Compactor);
        Assert.Equal(new TraceStorageOptions { LocalPath = "/var/tempo/blocks", Wal = new WalOptions { Path = "/var/tempo/wal" } }, options.Storage.Trace);
        Assert.Equal(50_000, options.Overrides.Defaults.Ingestion.MaxTracesPerUser);
        Assert.Equal(10_000_000, options.Overrides.Defaults.Global.MaxBytesPerTrace);
        Assert.Equal(TimeSpan.FromDays(2), options.Overrides.Defaults.Compaction.BlockRetention);
        Assert.Equal([ProcessorNames.ServiceGraphs, ProcessorNames.SpanMetrics], options.Overrides.Defaults.MetricsGenerator.Processors);
        Assert.Equal(HistogramMode.Both, options.Overrides.Defaults.MetricsGenerator.GenerateNativeHistograms);
        var attribute = options.MetricsGenerator.Processor.SpanMetrics.FilterPolicies[0].Include!.Attributes[0];
        Assert.Equal(new PolicyAttributeOptions { Key = "kind", Value = "SPAN_KIND_SERVER" }, attribute);
    }

    [Fact]
    public void A_Tempo_3_0_file_loads_with_warnings_only()
    {
        var result = TempoConfiguration.Load(Path.Combine(AppContext.BaseDirectory, "Configuration/files/tempo-3.0.yaml"), NoEnvironment);

        Assert.Empty(result.Errors.Select(e => e.ToString()));
        Assert.Equal(
        [
            "stream_over_http_enabled", "memory", "metrics_generator.ring_mode", "metrics_generator.codec",
            "query_frontend.mcp_server", "live_store.readiness_target_lag",
            "live_store.wal", "block_builder", "backend_worker.backend_scheduler_addr", "ingest", "overrides.defaults.read",
            "usage_report",
        ],
        result.Warnings.Select(w => w.Message.Split(": ")[0]));

        var options = result.Value!;
        Assert.True(options.MultitenancyEnabled);
        Assert.Equal(LogFormat.Json, options.Server.LogFormat);
        Assert.Equal(new ListenEndpoint("tempo", 4318), options.Distributor.Receivers.Otlp[0].Protocols.Http!.Endpoint);
        Assert.Equal("/conf/overrides.yaml", options.Overrides.PerTenantOverrideConfig);
        Assert.Equal(["db.namespace", "db.name"], options.MetricsGenerator.Processor.ServiceGraphs.DatabaseNameAttributes);
        Assert.Equal(["host.id"], options.MetricsGenerator.Processor.HostInfo.HostIdentifiers);
        Assert.Equal(new IngesterOptions { TraceIdlePeriod = TimeSpan.FromSeconds(3), MaxBlockBytes = 33_554_432 }, options.Ingester);
        Assert.Equal(new CompactorOptions { BlockRetention = TimeSpan.FromHours(1), CompactionCycle = TimeSpan.FromMinutes(1) }, options.Compactor);
        Assert.Equal(
            new TraceStorageOptions { LocalPath = "/var/tempo/blocks", Wal = new WalOptions { Path = "/var/tempo/wal" }, BlocklistPoll = TimeSpan.FromSeconds(30) },
            options.Storage.Trace);
    }

    [Fact]
    public void A_file_that_is_not_there_is_an_error_that_names_it()
    {
        var result = TempoConfiguration.Load("no/such/tempo.yaml", NoEnvironment);

        Assert.StartsWith("no/such/tempo.yaml: the configuration file cannot be read: ", Assert.Single(result.Errors).ToString());
        Assert.Null(result.Value);
    }

    [Fact]
    public void The_deprecated_auth_enabled_means_multitenancy_enabled()
    {
        Assert.True(Options("auth_enabled: true").MultitenancyEnabled);
        Assert.Equal(["tempo.yaml:1:15: auth_enabled: deprecated: write multitenancy_enabled"], Warnings("auth_enabled: true"));
    }

    [Fact]
    public void The_limits_of_the_generator_are_read_and_the_one_that_does_not_hold_is_a_warning()
    {
        const string overrides = "overrides: {defaults: {metrics_generator: {max_active_series: 1, max_active_entities: 2, max_cardinality_per_label: 30}}}\n";
        const string byEntity = overrides + "metrics_generator: {limiter_type: entity}";
        var options = Options(byEntity);
        var settings = GeneratorSettings.Resolve(options.MetricsGenerator, options.Overrides.Defaults);

        Assert.Equal((LimiterType.Entity, 1, 2, 30L), (settings.LimiterType, settings.MaxActiveSeries, settings.MaxActiveEntities, settings.MaxCardinalityPerLabel));
        Assert.Equal(LimiterType.Series, Options(overrides).MetricsGenerator.LimiterType);
        Assert.Equal(
            ["tempo.yaml:1:63: overrides.defaults.metrics_generator.max_active_series: without effect: metrics_generator.limiter_type is entity"],
            Warnings(byEntity));
        Assert.Equal(
            ["tempo.yaml:1:87: overrides.defaults.metrics_generator.max_active_entities: without effect: metrics_generator.limiter_type is series"],
            Warnings(overrides));
        Assert.Empty(Warnings("overrides: {defaults: {metrics_generator: {max_active_entities: 0}}}"));
    }

    [Fact]
    public void Remote_write_without_any_processor_is_a_warning()
    {
        const string remoteWrite = "metrics_generator: {storage: {remote_write: [{url: 'http://h'}]}}\n";

        Assert.Equal(
            ["tempo.yaml:1:1: metrics_generator: nothing is generated to remote write, for overrides.defaults.metrics_generator.processors names no processor"],
            Warnings(remoteWrite));
        Assert.Empty(Warnings(remoteWrite + "overrides: {defaults: {metrics_generator: {processors: [span-metrics]}}}"));
        Assert.Empty(Warnings(remoteWrite + "overrides: {per_tenant_override_config: x}"));
    }

    [Theory]
    [InlineData("tempo", "/tempo")]
    [InlineData("/tempo/", "/tempo")]
    [InlineData("/a/b", "/a/b")]
    public void The_API_prefix_has_a_slash_in_front_and_none_at_the_end(string written, string expected) =>
        Assert.Equal(expected, Options($"http_api_prefix: {written}").HttpApiPrefix);

    [Fact]
    public void The_protocols_that_the_file_names_are_the_ones_that_listen()
    {
        var protocols = Options("distributor: {receivers: {otlp: {protocols: {http: {endpoint: ':9000', max_request_body_size: 1e6}}}}}").Distributor.Receivers.Otlp[0].Protocols;

        Assert.Null(protocols.Grpc);
        Assert.Equal(new ListenEndpoint("", 9000), protocols.Http!.Endpoint);
        Assert.Equal(1_000_000, protocols.Http.MaxRequestBodySize);
    }

    [Fact]
    public void A_receivers_TLS_and_CORS_are_read()
    {
        var http = Options(
            """
            distributor:
              receivers:
                otlp:
                  protocols:
                    grpc: {endpoint: "[::1]:4317", max_recv_msg_size_mib: 32}
                    http:
                      tls: {cert_file: server.crt, key_file: server.key, client_ca_file: ca.crt, min_version: 1.3}
                      cors: {allowed_origins: ["https://*.example.com"], allowed_headers: ["*"], max_age: 7200}
            """).Distributor.Receivers.Otlp[0].Protocols;

        Assert.Equal(new ListenEndpoint("::1", 4317), http.Grpc!.Endpoint);
        Assert.Equal(32, http.Grpc.MaxRecvMsgSizeMib);
        Assert.Equal(
            new ServerTlsOptions
            {
                CertFile = "server.crt",
                KeyFile = "server.key",
                ClientCaFile = "ca.crt",
                ClientAuthType = ClientAuthType.RequireAndVerifyClientCert,
                MinVersion = TlsVersion.Tls13,
            },
            http.Http!.Tls);
        Assert.Equal(new CorsOptions { AllowedOrigins = ["https://*.example.com"], AllowedHeaders = ["*"], MaxAge = 7200 }, http.Http.Cors);
    }

    [Fact]
    public void The_servers_TLS_is_read_in_Tempos_words()
    {
        var tls = Options(
            """
            server:
              tls_min_version: VersionTLS12
              http_tls_config:
                cert_file: server.crt
                key_file: server.key
                client_auth_type: VerifyClientCertIfGiven
                client_ca_file: ca.crt
            """).Server.HttpTlsConfig;

        Assert.Equal(
            new ServerTlsOptions
            {
                CertFile = "server.crt",
                KeyFile = "server.key",
                ClientCaFile = "ca.crt",
                ClientAuthType = ClientAuthType.VerifyClientCertIfGiven,
                MinVersion = TlsVersion.Tls12,
            },
            tls);
    }

    [Fact]
    public void A_TLS_block_with_nothing_in_it_is_plain_HTTP() =>
        Assert.Null(Options("server: {http_tls_config: {cert_file: '', key_file: '', client_auth_type: ''}}").Server.HttpTlsConfig);

    [Fact]
    public void Anchors_and_merge_keys_work()
    {
        var remoteWrite = Options(
            """
            metrics_generator:
              storage:
                remote_write:
                  - &first
                    url: http://one/write
                    remote_timeout: 7s
                  - <<: *first
                    url: http://two/write
            """).MetricsGenerator.Storage.RemoteWrite;

        Assert.Equal(["http://one/write", "http://two/write"], remoteWrite.Select(r => r.Url));
        Assert.Equal([TimeSpan.FromSeconds(7), TimeSpan.FromSeconds(7)], remoteWrite.Select(r => r.RemoteTimeout));
    }

    [Theory]
    [InlineData("", null)]
    [InlineData("path: ''", "")]
    [InlineData("path: queue", "queue")]
    public void The_path_of_the_remote_write_queue_is_what_the_file_says_and_else_the_programs_choice(string storage, string? path) =>
        Assert.Equal(path, Options($"metrics_generator: {{storage: {{{storage}}}}}").MetricsGenerator.Storage.Path);

    [Theory]
    [InlineData("path: ''", "{trace: {local: {path: data}, wal: {path: wal}}}")]
    [InlineData("path: data/wal", "{trace: {wal: {type: object}}}")]
    public void A_directory_that_is_not_used_is_in_nobodys_way(string path, string traces) =>
        Assert.Single(Options($"storage: {traces}\nmetrics_generator: {{storage: {{remote_write: [{{url: 'http://h'}}], {path}}}}}").MetricsGenerator.Storage.RemoteWrite);

    [Fact]
    public void A_remote_write_entry_is_read_as_Prometheus_reads_it()
    {
        var entry = Assert.Single(Options(
            """
            metrics_generator:
              storage:
                remote_write:
                  - url: https://mimir.example/api/v1/push
                    name: mimir
                    remote_timeout: 1m
                    headers: {X-Custom: "1"}
                    http_headers:
                      X-Key: {secrets: [one], files: [two.txt]}
                    bearer_token: abc
                    tls_config: {ca_file: ca.crt, server_name: mimir, insecure_skip_verify: true, min_version: TLS13}
                    send_exemplars: false
                    follow_redirects: false
                    proxy_url: http://proxy:3128
                    write_relabel_configs:
                      - {source_labels: [service], regex: "internal-.*", action: Drop}
                      - {regex: "le|(?P<x>y)", action: labeldrop}
                    queue_config:
                      {max_samples_per_send: 500, max_shards: 2, min_backoff: 1s, max_backoff: 1m, retry_on_http_429: false, sample_age_limit: 1d, max_queue_bytes: 1000, max_disk_bytes: 2000}
            """).MetricsGenerator.Storage.RemoteWrite);

        Assert.Equal(
            new RemoteWriteOptions
            {
                Url = "https://mimir.example/api/v1/push",
                Name = "mimir",
                RemoteTimeout = TimeSpan.FromMinutes(1),
                Headers = new Dictionary<string, string> { ["X-Custom"] = "1" },
                HttpHeaders = new Dictionary<string, HttpHeaderOptions> { ["X-Key"] = new() { Secrets = ["one"], Files = ["two.txt"] } },
                Authorization = new AuthorizationOptions { Credentials = "abc" },
                TlsConfig = new ClientTlsOptions { CaFile = "ca.crt", ServerName = "mimir", InsecureSkipVerify = true, MinVersion = "TLS13" },
                SendExemplars = false,
                FollowRedirects = false,
                ProxyUrl = "http://proxy:3128",
                WriteRelabelConfigs =
                [
                    new RelabelOptions { SourceLabels = ["service"], Regex = "internal-.*", Action = RelabelAction.Drop },
                    new RelabelOptions { Regex = "le|(?P<x>y)", Action = RelabelAction.LabelDrop },
                ],
                QueueConfig = new QueueOptions
                {
                    MaxSamplesPerSend = 500,
                    MaxShards = 2,
                    MinBackoff = TimeSpan.FromSeconds(1),
                    MaxBackoff = TimeSpan.FromMinutes(1),
                    RetryOnHttp429 = false,
                    SampleAgeLimit = TimeSpan.FromDays(1),
                    MaxQueueBytes = 1000,
                    MaxDiskBytes = 2000,
                },
            },
            entry);
    }

    [Fact]
    public void A_strict_filter_value_keeps_its_type_and_a_quoted_one_is_a_string()
    {
        var attributes = Options(
            """
            metrics_generator:
              processor:
                span_metrics:
                  filter_policies:
                    - exclude:
                        match_type: strict
                        attributes:
                          - {key: span.a, value: 1}
                          - {key: span.b, value: "1"}
                          - {key: resource.c, value: 1.5}
                          - {key: 'span."odd name"', value: true}
                          - {key: span:name, value: x}
            """).MetricsGenerator.Processor.SpanMetrics.FilterPolicies[0].Exclude!.Attributes;

        Assert.Equal(
        [
            new() { Key = "span.a", Value = 1L },
            new() { Key = "span.b", Value = "1" },
            new() { Key = "resource.c", Value = 1.5 },
            new() { Key = "span.odd name", Value = true },
            new PolicyAttributeOptions { Key = "name", Value = "x" },
        ],
        attributes);
    }
}
