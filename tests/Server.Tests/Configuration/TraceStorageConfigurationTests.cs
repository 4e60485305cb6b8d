using OrleansTempo.Core.Blocks.Compaction;
using OrleansTempo.Core.Configuration.Compactor;
using OrleansTempo.Core.Configuration.Ingester;
using OrleansTempo.Core.Configuration.Storage;
using static OrleansTempo.Server.Tests.Configuration.ConfigurationText;

namespace OrleansTempo.Server.Tests.Configuration;

/// <summary>The blocks <c>ingester</c>, <c>storage</c> and <c>compactor</c>, and what Tempo 3 calls them.</summary>
public sealed class TraceStorageConfigurationTests
{
    private const string AllowedGo = "it must be a Go duration such as 250ms, 15s, 1.5h or 1h30m";

    [Fact]
    public void An_ingester_block_is_read_whole() => Assert.Equal(
        new IngesterOptions
        {
            Partitions = 3,
            TraceIdlePeriod = TimeSpan.FromSeconds(1),
            TraceLivePeriod = TimeSpan.FromSeconds(2),
            FlushCheckPeriod = TimeSpan.FromMilliseconds(300),
            MaxBlockBytes = 1_000_000,
            MaxBlockDuration = TimeSpan.FromMinutes(4),
            CompleteBlockTimeout = TimeSpan.FromMinutes(50),
            MaxMemoryBytes = 50_000_000,
            FlushAllOnShutdown = true,
        },
        Options(
            """
            ingester:
              partitions: 3
              trace_idle_period: 1s
              trace_live_period: 2s
              flush_check_period: 300ms
              max_block_bytes: 1e6
              max_block_duration: 4m
              complete_block_timeout: 50m
              max_memory_bytes: 50_000_000
              flush_all_on_shutdown: true
            """).Ingester);

    [Fact]
    public void A_live_store_sets_the_same_options_in_its_own_words() => Assert.Equal(
        new IngesterOptions
        {
            TraceIdlePeriod = TimeSpan.FromSeconds(1),
            TraceLivePeriod = TimeSpan.FromSeconds(2),
            FlushCheckPeriod = TimeSpan.FromSeconds(3),
            MaxBlockBytes = 1_000_000,
            MaxBlockDuration = TimeSpan.FromMinutes(4),
            CompleteBlockTimeout = TimeSpan.FromMinutes(20),
        },
        Options(
            """
            live_store:
              max_trace_idle: 1s
              max_trace_live: 2s
              flush_check_period: 3s
              max_block_bytes: 1e6
              max_block_duration: 4m
              complete_block_timeout: 20m
            """).Ingester);

    [Fact]
    public void Ingester_and_live_store_may_say_the_same_but_not_different_things()
    {
        Assert.Equal(TimeSpan.FromMinutes(1), Options("ingester: {trace_idle_period: 60s}\nlive_store: {max_trace_idle: 1m}").Ingester.TraceIdlePeriod);
        Assert.Equal(
            ["tempo.yaml:2:31: live_store.max_trace_idle: '2m' is not what ingester.trace_idle_period says, and both are the same option; write it once"],
            Errors("ingester: {trace_idle_period: 60s}\nlive_store:  {max_trace_idle: 2m}"));
    }

    [Fact]
    public void What_an_ingester_has_in_Tempo_alone_is_a_warning_each()
    {
        Assert.Equal(
            [
                "ingester.lifecycler: known to Tempo, not used here", "ingester.concurrent_flushes: known to Tempo, not used here",
                "ingester.flush_op_timeout: known to Tempo, not used here", "ingester.override_ring_key: known to Tempo, not used here",
                "ingester.flush_object_storage: known to Tempo, not used here", "ingester.partition_ring: known to Tempo, not used here",
            ],
            Messages("ingester: {lifecycler: {x: 1}, concurrent_flushes: 4, flush_op_timeout: 5m, override_ring_key: ring, flush_object_storage: true, partition_ring: {x: 1}}"));
        Assert.Equal(
            [
                "live_store.ring: known to Tempo, not used here", "live_store.wal: known to Tempo, not used here: the write-ahead log is that of storage.trace.wal",
                "live_store.max_live_traces_bytes: known to Tempo, not used here: ingester.max_memory_bytes is the limit of all that is in memory",
                "live_store.fail_on_high_lag: known to Tempo, not used here",
            ],
            Messages("live_store: {ring: {x: 1}, wal: {path: a}, max_live_traces_bytes: 1, fail_on_high_lag: true}"));
    }

    [Theory]
    [InlineData("{partitions: 0}", "ingester.partitions: '0' is not allowed; it must be a whole number from 1 to 1024")]
    [InlineData("{partitions: 1025}", "ingester.partitions: '1025' is not allowed; it must be a whole number from 1 to 1024")]
    [InlineData("{trace_idle_period: 0s}", "ingester.trace_idle_period: '0s' is not allowed; " + AllowedGo + ", from 1ms to 1000h")]
    [InlineData("{trace_live_period: 1001h}", "ingester.trace_live_period: '1001h' is not allowed; " + AllowedGo + ", from 1ms to 1000h")]
    [InlineData("{flush_check_period: 9ms}", "ingester.flush_check_period: '9ms' is not allowed; " + AllowedGo + ", from 10ms to 1000h")]
    [InlineData("{max_block_duration: -1s}", "ingester.max_block_duration: '-1s' is not allowed; " + AllowedGo + ", from 1ms to 1000h")]
    [InlineData("{complete_block_timeout: 15}", "ingester.complete_block_timeout: '15' is not allowed; " + AllowedGo + ", from 1ms to 1000h")]
    [InlineData("{max_block_bytes: 65535}", "ingester.max_block_bytes: '65535' is not allowed; it must be a whole number of at least 65536")]
    [InlineData("{max_memory_bytes: 33554431}", "ingester.max_memory_bytes: '33554431' is not allowed; it must be a whole number of at least 33554432")]
    [InlineData("{flush_all_on_shutdown: perhaps}", "ingester.flush_all_on_shutdown: 'perhaps' is not allowed; it must be true or false")]
    [InlineData("{trace_idle_perod: 1s}", "ingester.trace_idle_perod: unknown key; did you mean 'trace_idle_period'? Allowed: partitions, trace_idle_period, trace_live_period, flush_check_period, max_block_bytes, max_block_duration, complete_block_timeout, max_memory_bytes, flush_all_on_shutdown")]
    public void A_wrong_ingester_value_is_an_error(string block, string error) => AssertError(error, $"ingester:\n  {block}");

    [Fact]
    public void Blocks_that_do_not_fit_into_memory_are_a_warning() => Assert.Equal(
        ["tempo.yaml:1:30: ingester.max_block_bytes: 524288000 in each of 8 partitions is more than max_memory_bytes 402653184: blocks are cut before they are that large"],
        Warnings("ingester: {max_block_bytes:  524288000}"));

    [Fact]
    public void A_block_that_may_go_before_it_is_listed_is_a_warning()
    {
        Assert.Equal(
            ["live_store.complete_block_timeout: 4m is shorter than storage.trace.blocklist_poll 5m: a flushed block may leave its ingester before it is listed"],
            Messages("live_store: {complete_block_timeout: 4m}"));
        Assert.Equal(
            ["backend_worker.compaction.compacted_block_retention: 4m is shorter than storage.trace.blocklist_poll 5m: a query may miss a block that is deleted before its successor is listed"],
            Messages("backend_worker: {compaction: {compacted_block_retention: 4m}}"));
        Assert.Empty(Messages("ingester: {complete_block_timeout: 4m}\ncompactor: {compaction: {compacted_block_retention: 4m}}\nstorage: {trace: {blocklist_poll: 4m}}"));
    }

    [Fact]
    public void A_storage_block_is_read_whole() => Assert.Equal(
        new TraceStorageOptions
        {
            Backend = TraceStorageOptions.LocalBackend,
            LocalPath = "/srv/blocks",
            Wal = new WalOptions
            {
                Path = "/srv/wal",
                Sync = WalSync.Always,
                SyncInterval = TimeSpan.FromMilliseconds(50),
                SegmentBytes = 1_000_000,
                Type = WalType.Object,
                CommitInterval = TimeSpan.FromMilliseconds(20),
                CommitBytes = 100_000,
            },
            BlocklistPoll = TimeSpan.FromSeconds(10),
        },
        Options(
            """
            storage:
              trace:
                backend: local
                local: {path: /srv/blocks}
                wal: {path: /srv/wal, sync: always, sync_interval: 50ms, segment_bytes: 1e6, type: object, commit_interval: 20ms, commit_bytes: 100_000}
                blocklist_poll: 10s
            """).Storage.Trace);

    [Theory]
    [InlineData("always", WalSync.Always)]
    [InlineData("interval", WalSync.Interval)]
    [InlineData("never", WalSync.Never)]
    public void The_log_is_synced_as_the_file_says(string word, WalSync sync) =>
        Assert.Equal(sync, Options($"storage: {{trace: {{wal: {{sync: {word}}}}}}}").Storage.Trace.Wal.Sync);

    [Fact]
    public void An_azure_block_is_read_whole()
    {
        var trace = Options(
            """
            storage:
              trace:
                backend: azure
                azure:
                  storage_account_name: account
                  storage_account_key: key
                  container_name: tempo
                  prefix: traces/
                  endpoint_suffix: blob.core.chinacloudapi.cn
                  user_assigned_id: id
            """).Storage.Trace;

        Assert.Equal(TraceStorageOptions.AzureBackend, trace.Backend);
        Assert.Equal(
            new AzureStorageOptions
            {
                StorageAccountName = "account",
                StorageAccountKey = "key",
                ContainerName = "tempo",
                Prefix = "traces/",
                EndpointSuffix = "blob.core.chinacloudapi.cn",
                UserAssignedId = "id",
            },
            trace.Azure);
    }

    [Fact]
    public void Each_way_to_sign_in_to_Azure_is_read()
    {
        Assert.Equal("UseDevelopmentStorage=true", Azure("connection_string: UseDevelopmentStorage=true").ConnectionString);
        Assert.True(Azure("storage_account_name: a, use_managed_identity: true").UseManagedIdentity);
        Assert.True(Azure("storage_account_name: a, use_federated_token: true").UseFederatedToken);

        static AzureStorageOptions Azure(string keys) => Options($"storage: {{trace: {{backend: azure, azure: {{container_name: c, {keys}}}}}}}").Storage.Trace.Azure;
    }

    [Theory]
    [InlineData("{connection_string: x}", "container_name: is missing: the backend azure needs a container")]
    [InlineData("{container_name: c, storage_account_name: a}", "storage_account_key: is missing, or another way to sign in; allowed is one of connection_string, storage_account_key, use_managed_identity, use_federated_token")]
    [InlineData("{container_name: c, storage_account_key: k}", "storage_account_name: is missing: storage_account_key needs the account it is for")]
    [InlineData("{container_name: c, use_federated_token: true}", "storage_account_name: is missing: use_federated_token needs the account it is for")]
    [InlineData("{container_name: c, storage_account_name: a, connection_string: x, use_managed_identity: true}", "use_managed_identity: stands beside connection_string; allowed is one of connection_string, storage_account_key, use_managed_identity, use_federated_token")]
    public void An_azure_block_that_does_not_suffice_is_an_error(string block, string error)
    {
        Assert.Contains($": storage.trace.azure.{error}", Assert.Single(Errors($"storage: {{trace: {{backend: azure, azure: {block}}}}}")));
        Assert.Empty(Warnings($"storage: {{trace: {{backend: local, azure: {block}}}}}"));
    }

    [Fact]
    public void Empty_paths_and_suffixes_as_on_Tempos_own_page_are_the_defaults() => Assert.Equal(
        new TraceStorageOptions(),
        Options("storage: {trace: {backend: '', local: {path: ''}, wal: {path: ''}, azure: {endpoint_suffix: ''}}}").Storage.Trace);

    [Theory]
    [InlineData("data/blocks", "data/blocks")]
    [InlineData("data/blocks", "./data//blocks/")]
    [InlineData("data", "data/wal")]
    [InlineData("a/b/c", "a/b")]
    public void One_directory_for_the_log_and_the_blocks_is_an_error(string blocks, string wal)
    {
        var text = $"storage:\n  trace:\n    local: {{path: {blocks}}}\n    wal: {{path: {wal}}}";

        Assert.Equal([$"tempo.yaml:4:17: storage.trace.wal.path: the write-ahead log's directory '{wal}' and the blocks' '{blocks}' must be two, neither within the other"], Errors(text));
        Assert.Single(Errors($"{text.TrimEnd('}')}, type: object}}"));
        Assert.Empty(Warnings("storage: {trace: {local: {path: data/w}}}"));
    }

    [Fact]
    public void A_default_directory_collides_too() => Assert.Equal(
        ["tempo.yaml:1:33: storage.trace.local.path: the write-ahead log's directory 'data/wal' and the blocks' 'data' must be two, neither within the other"],
        Errors("storage: {trace: {local: {path: data}}}"));

    [Theory]
    [InlineData("{local: {path: \"a\\0\"}}", "storage.trace.local.path: has a character with the code 0, which no path has")]
    [InlineData("{blocklist_poll: 99ms}", "storage.trace.blocklist_poll: '99ms' is not allowed; " + AllowedGo + ", from 100ms to 1000h")]
    [InlineData("{wal: {sync: sometimes}}", "storage.trace.wal.sync: 'sometimes' is not known; allowed: always, interval, never")]
    [InlineData("{wal: {sync_interval: 0s}}", "storage.trace.wal.sync_interval: '0s' is not allowed; " + AllowedGo + ", from 1ms to 1000h")]
    [InlineData("{wal: {segment_bytes: 65535}}", "storage.trace.wal.segment_bytes: '65535' is not allowed; it must be a whole number from 65536 to 1073741824")]
    [InlineData("{wal: {type: blob}}", "storage.trace.wal.type: 'blob' is not known; allowed: file, object")]
    [InlineData("{wal: {commit_interval: 11s}}", "storage.trace.wal.commit_interval: '11s' is not allowed; " + AllowedGo + ", from 1ms to 10s")]
    [InlineData("{wal: {commit_bytes: 4095}}", "storage.trace.wal.commit_bytes: '4095' is not allowed; it must be a whole number from 4096 to 268435456")]
    [InlineData("{azure: {use_managed_identity: perhaps}}", "storage.trace.azure.use_managed_identity: 'perhaps' is not allowed; it must be true or false")]
    [InlineData("{azure: {account: a}}", "storage.trace.azure.account: unknown key; allowed: storage_account_name, storage_account_key, connection_string, container_name, prefix, endpoint_suffix, use_managed_identity, user_assigned_id, use_federated_token")]
    public void A_wrong_storage_value_is_an_error(string block, string error) => AssertError(error, $"storage:\n  trace: {block}");

    private static readonly CompactorOptions AllOfCompaction = new()
    {
        BlockRetention = TimeSpan.FromHours(48),
        CompactedBlockRetention = TimeSpan.FromMinutes(20),
        CompactionWindow = TimeSpan.FromHours(2),
        CompactionCycle = TimeSpan.FromSeconds(5),
        MaxBlockBytes = 1_000_000,
        MaxCompactionObjects = 1000,
    };

    [Theory]
    [InlineData("compactor: {compaction: {0}}")]
    [InlineData("backend_worker: {compaction: {0}}")]
    [InlineData("backend_scheduler: {provider: {compaction: {compaction: {0}}}}")]
    [InlineData("compactor: {compaction: {0}}\nbackend_worker: {compaction: {0}}\nbackend_scheduler: {provider: {compaction: {compaction: {0}}}}")]
    public void The_settings_of_compaction_are_read_wherever_Tempo_has_them(string layout)
    {
        var text = layout.Replace("{0}", "{block_retention: 48h, compacted_block_retention: 20m, compaction_window: 2h, compaction_cycle: 5s, max_block_bytes: 1e6, max_compaction_objects: 1000}");

        Assert.Equal(AllOfCompaction, Options(text).Compactor);
        Assert.Empty(Warnings(text));
    }

    [Fact]
    public void A_compactor_can_be_off()
    {
        Assert.True(Options("compactor: {disabled: true}").Compactor.Disabled);
        Assert.False(Options("compactor: {disabled: false}").Compactor.Disabled);
    }

    [Fact]
    public void Blocks_of_compaction_that_differ_are_an_error() => Assert.Equal(
        ["tempo.yaml:3:48: backend_worker.compaction.block_retention: '3h' is not what backend_scheduler.provider.compaction.compaction.block_retention says, and both are the same option; write it once"],
        Errors("#\nbackend_scheduler: {provider: {compaction: {compaction: {block_retention: 2h}}}}\nbackend_worker: {compaction: {block_retention: 3h}}"));

    [Fact]
    public void What_compaction_has_in_Tempo_alone_is_a_warning_each()
    {
        var messages = Messages(
            """
            compactor: {ring: {x: 1}, override_ring_key: compactor, compaction: {v2_in_buffer_bytes: 1, v2_out_buffer_bytes: 1, v2_prefetch_traces_count: 1, retention_concurrency: 1, max_time_per_tenant: 1m}}
            backend_scheduler:
              {work: {x: 1}, maintenance_interval: 1m, backend_flush_interval: 1m, job_timeout: 1s, local_work_path: a, provider: {retention: {x: 1}, redaction: {x: 1}, compaction: {measure_interval: 1m, max_jobs_per_tenant: 1, min_input_blocks: 2, max_input_blocks: 4, max_compaction_level: 1, min_cycle_interval: 1s}}}
            backend_worker: {backend_scheduler_addr: a, backoff: {x: 1}, override_ring_key: a, ring: {x: 1}, finish_on_shutdown_timeout: 1s}
            """);

        Assert.Equal(7 + 13 + 5, messages.Length);
        Assert.All(messages, message => Assert.EndsWith(": known to Tempo, not used here", message));
    }

    [Theory]
    [InlineData("{disabled: perhaps}", "compactor.disabled: 'perhaps' is not allowed; it must be true or false")]
    [InlineData("{compaction: {block_retention: 14d}}", "compactor.compaction.block_retention: '14d' is not allowed; " + AllowedGo + ", from 1ms to 876000h")]
    [InlineData("{compaction: {compacted_block_retention: 0}}", "compactor.compaction.compacted_block_retention: '0' is not allowed; " + AllowedGo + ", from 1ms to 876000h")]
    [InlineData("{compaction: {compaction_window: 0s}}", "compactor.compaction.compaction_window: '0s' is not allowed; " + AllowedGo + ", from 1s to 876000h")]
    [InlineData("{compaction: {compaction_cycle: 99ms}}", "compactor.compaction.compaction_cycle: '99ms' is not allowed; " + AllowedGo + ", from 100ms to 1000h")]
    [InlineData("{compaction: {max_block_bytes: 1}}", "compactor.compaction.max_block_bytes: '1' is not allowed; it must be a whole number of at least 65536")]
    [InlineData("{compaction: {max_compaction_objects: 0}}", "compactor.compaction.max_compaction_objects: '0' is not allowed; it must be a whole number of at least 1")]
    public void A_wrong_compactor_value_is_an_error(string block, string error) => AssertError(error, $"compactor:\n  {block}");

    [Fact]
    public void Unknown_keys_are_found_in_every_block_there_is() => Assert.Equal(
        ["live_store.a", "compactor.b", "compactor.compaction.c", "backend_scheduler.d", "backend_scheduler.provider.e", "backend_scheduler.provider.compaction.f", "backend_scheduler.provider.compaction.compaction.g", "backend_worker.h", "backend_worker.compaction.i", "storage.j", "storage.trace.k", "storage.trace.local.l", "storage.trace.wal.m"],
        Errors(
            """
            live_store: {a: 1}
            compactor: {b: 1, compaction: {c: 1}}
            backend_scheduler: {d: 1, provider: {e: 1, compaction: {f: 1, compaction: {g: 1}}}}
            backend_worker: {h: 1, compaction: {i: 1}}
            storage: {j: 1, trace: {k: 1, local: {l: 1}, wal: {m: 1}}}
            """).Select(e => e.Split(": ")[1]));

    // On the second line, and nothing else.
    private static void AssertError(string error, string text)
    {
        var found = Assert.Single(Errors(text));
        Assert.StartsWith("tempo.yaml:2:", found);
        Assert.EndsWith($": {error}", found);
    }

    private static string[] Messages(string text)
    {
        var result = Parse(text);
        Assert.Empty(result.Errors.Select(e => e.ToString()));
        return [.. result.Warnings.Select(w => w.Message)];
    }
}
