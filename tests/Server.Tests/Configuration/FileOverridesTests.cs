using System.Diagnostics.Metrics;
using System.Security.Cryptography;
using OrleansTempo.Core;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Configuration.Overrides;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.Tests;
using OrleansTempo.Server.Configuration;
using OrleansTempo.Server.Configuration.Tenants;
using OrleansTempo.Server.Hosting;

namespace OrleansTempo.Server.Tests.Configuration;

public sealed class FileOverridesTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();
    private readonly ManualTime _time = new();
    private readonly RecordingLogger<FileOverrides> _logger = new();
    private readonly TempoMetrics _metrics = new();

    private static readonly TenantOverrides Defaults = new()
    {
        MetricsGenerator = new MetricsGeneratorOverrides
        {
            Processors = [ProcessorNames.SpanMetrics],
            MaxActiveSeries = 1000,
            GenerateNativeHistograms = HistogramMode.Both,
            NativeHistogramBucketFactor = 2,
        },
        Compaction = new CompactionOverrides { BlockRetention = TimeSpan.FromDays(3) },
    };

    public void Dispose()
    {
        File.Delete(_file);
        _metrics.Dispose();
    }

    [Fact]
    public void An_entry_is_laid_over_the_defaults_key_by_key()
    {
        using var overrides = Open(
            """
            overrides:
              a:
                ingestion: {rate_limit_bytes: 1}
                metrics_generator: {max_active_series: 5, processor: {span_metrics: {dimensions: [x], intrinsic_dimensions: {span_kind: false}}}}
              b:
                metrics_generator: {processors: []}
            """);

        var a = overrides.For(Tenant("a"));
        Assert.Equal(1, a.Ingestion.RateLimitBytes);
        Assert.Equal(30_000_000, a.Ingestion.BurstSizeBytes);
        Assert.Equal(5, a.MetricsGenerator.MaxActiveSeries);
        Assert.Equal([ProcessorNames.SpanMetrics], a.MetricsGenerator.Processors);
        Assert.Equal(["x"], a.MetricsGenerator.Processor.SpanMetrics.Dimensions);
        Assert.False(a.MetricsGenerator.Processor.SpanMetrics.IntrinsicDimensions.SpanKind);
        Assert.Null(a.MetricsGenerator.Processor.SpanMetrics.IntrinsicDimensions.Service);
        Assert.Empty(overrides.For(Tenant("b")).MetricsGenerator.Processors);
        Assert.Equal(Defaults, overrides.For(Tenant("c")));
    }

    [Fact]
    public void A_tenants_host_identifiers_and_sanitization_are_laid_over_the_defaults()
    {
        using var overrides = Open(
            """
            overrides:
              a: {metrics_generator: {processors: [host-info], span_name_sanitization: dry_run, processor: {host_info: {host_identifiers: [host.name], metric_name: hosts}}}}
              b: {metrics_generator: {processors: [span-metrics], span_name_sanitization: enabled, processor: {host_info: {metric_name: ""}}}}
              c: {metrics_generator: {span_name_sanitization: ""}}
            """);
        var settings = (string tenant) => GeneratorSettings.Resolve(new MetricsGeneratorOptions(), overrides.For(Tenant(tenant)));

        Assert.Equal(
            (true, true, SpanNameSanitization.DryRun, new HostInfoOptions { HostIdentifiers = ["host.name"], MetricName = "hosts" }),
            (settings("a").HostInfoEnabled, settings("a").AnyProcessor, settings("a").SpanNameSanitization, settings("a").HostInfo));
        Assert.Equal((false, SpanNameSanitization.Enabled, new HostInfoOptions()), (settings("b").HostInfoEnabled, settings("b").SpanNameSanitization, settings("b").HostInfo));
        Assert.Equal(SpanNameSanitization.Off, settings("c").SpanNameSanitization);
    }

    [Fact]
    public void An_operators_collection_interval_is_not_held_to_the_bounds_of_what_tenants_set()
    {
        using var overrides = Open(
            """
            overrides:
              a: {metrics_generator: {collection_interval: 1s}}
              b: {metrics_generator: {collection_interval: 10m}}
              c: {metrics_generator: {collection_interval: 0s}}
            """);

        TimeSpan Interval(string tenant) => GeneratorSettings.Resolve(new MetricsGeneratorOptions(), overrides.For(Tenant(tenant))).Registry.CollectionInterval;
        Assert.Equal(TimeSpan.FromSeconds(1), Interval("a"));
        Assert.Equal(TimeSpan.FromMinutes(10), Interval("b"));
        Assert.Equal(TimeSpan.FromSeconds(15), Interval("c"));
    }

    [Fact]
    public void A_tenants_ring_size_is_laid_over_the_defaults()
    {
        using var overrides = Open("overrides: {a: {metrics_generator: {ring_size: 64}}, b: {metrics_generator: {max_active_series: 1}}}");

        Assert.Equal(64, overrides.For(Tenant("a")).MetricsGenerator.RingSize);
        Assert.Equal(0, overrides.For(Tenant("b")).MetricsGenerator.RingSize);
    }

    [Fact]
    public void A_tenants_native_histograms_are_laid_over_the_defaults_and_0_and_empty_are_Tempos()
    {
        using var overrides = Open(
            """
            overrides:
              a: {metrics_generator: {generate_native_histograms: native, native_histogram_bucket_factor: 1.5, native_histogram_max_bucket_number: 20, native_histogram_min_reset_duration: 1h}}
              b: {metrics_generator: {generate_native_histograms: '', native_histogram_bucket_factor: 0, native_histogram_max_bucket_number: 0, native_histogram_min_reset_duration: 0s}}
              c: {metrics_generator: {max_active_series: 1}}
            """);

        Assert.Equal((HistogramMode.Native, 1.5, 20, TimeSpan.FromHours(1)), Of("a"));
        Assert.Equal((HistogramMode.Classic, 2, 100, TimeSpan.FromMinutes(15)), Of("b"));
        Assert.Equal((HistogramMode.Both, 2, 100, TimeSpan.FromMinutes(15)), Of("c"));

        (HistogramMode, double, int, TimeSpan) Of(string tenant)
        {
            var generator = overrides.For(Tenant(tenant)).MetricsGenerator;
            return (generator.GenerateNativeHistograms, generator.NativeHistogramBucketFactor, generator.NativeHistogramMaxBucketNumber, generator.NativeHistogramMinResetDuration);
        }
    }

    [Fact]
    public void A_tenants_retention_is_laid_over_the_defaults()
    {
        using var overrides = Open("overrides: {a: {compaction: {block_retention: 7d}}, b: {compaction: {compaction_disabled: true}}, c: {ingestion: {max_traces_per_user: 3}}}");

        Assert.Equal(new CompactionOverrides { BlockRetention = TimeSpan.FromDays(7) }, overrides.For(Tenant("a")).Compaction);
        Assert.Equal(new CompactionOverrides { BlockRetention = TimeSpan.FromDays(3), CompactionDisabled = true }, overrides.For(Tenant("b")).Compaction);
        Assert.Equal(Defaults.Compaction, overrides.For(Tenant("c")).Compaction);
        Assert.Equal(3, overrides.For(Tenant("c")).Ingestion.MaxTracesPerUser);
    }

    [Fact]
    public void The_wildcard_holds_for_tenants_without_an_entry_of_their_own()
    {
        using var overrides = Open("overrides: {'*': {ingestion: {rate_limit_bytes: 7}}, a: {global: {max_bytes_per_trace: 9}}, b: }");

        Assert.Equal(7, overrides.For(Tenant("other")).Ingestion.RateLimitBytes);
        Assert.Equal(7, overrides.For(Tenant("b")).Ingestion.RateLimitBytes);
        Assert.Equal(30_000_000, overrides.For(Tenant("a")).Ingestion.RateLimitBytes);
        Assert.Equal(9, overrides.For(Tenant("a")).Global.MaxBytesPerTrace);
    }

    [Fact]
    public void A_changed_file_holds_after_the_next_reading_and_is_announced()
    {
        using var overrides = Open("overrides: {a: {metrics_generator: {max_active_series: 1}}}");
        var seen = new List<int>();
        overrides.Changed += () => seen.Add(overrides.For(Tenant("a")).MetricsGenerator.MaxActiveSeries);
        Assert.Equal([TimeSpan.FromSeconds(3)], _time.Periods);
        var version = overrides.Version;

        _time.Tick();
        Assert.Empty(seen);
        Assert.Equal(version, overrides.Version);

        File.WriteAllText(_file, "overrides: {a: {metrics_generator: {max_active_series: 2}}}");
        Assert.Equal(1, overrides.For(Tenant("a")).MetricsGenerator.MaxActiveSeries);
        _time.Tick();
        Assert.Equal([2], seen);
        Assert.Equal(version + 1, overrides.Version);

        File.WriteAllText(_file, "overrides: {}");
        _time.Tick();
        Assert.Equal([2, 1000], seen);
    }

    [Fact]
    public void An_entry_whose_text_has_not_changed_stays_the_same_instance_and_the_others_are_read_anew()
    {
        using var overrides = Open(
            """
            overrides:
              a:
                metrics_generator: {max_active_series: 1}
              b:
                metrics_generator: {max_active_series: 2}
              "*":
                metrics_generator: {max_active_series: 3}
            """);
        var (a, b, others) = (overrides.For(Tenant("a")), overrides.For(Tenant("b")), overrides.For(Tenant("c")));

        File.WriteAllText(_file,
            """
            # Moved by a line.
            overrides:
              b:
                metrics_generator: {max_active_series: 20}
              a:
                metrics_generator: {max_active_series: 1}
              "*":
                metrics_generator: {max_active_series: 3}
            """);
        _time.Tick();

        Assert.Same(a, overrides.For(Tenant("a")));
        Assert.Same(others, overrides.For(Tenant("c")));
        Assert.Equal((2, 20), (b.MetricsGenerator.MaxActiveSeries, overrides.For(Tenant("b")).MetricsGenerator.MaxActiveSeries));
    }

    [Fact]
    public void An_entry_that_says_something_by_an_alias_is_read_anew_when_what_it_stands_for_changes()
    {
        using var overrides = Open("overrides: {b: {metrics_generator: &x {max_active_series: 1}}, a: {metrics_generator: *x}}");
        Assert.Equal(1, overrides.For(Tenant("a")).MetricsGenerator.MaxActiveSeries);

        File.WriteAllText(_file, File.ReadAllText(_file).Replace("max_active_series: 1", "max_active_series: 2"));
        _time.Tick();

        Assert.Equal(2, overrides.For(Tenant("a")).MetricsGenerator.MaxActiveSeries);
        Assert.Equal(2, overrides.For(Tenant("b")).MetricsGenerator.MaxActiveSeries);
    }

    [Fact]
    public void What_an_unchanged_entry_says_in_vain_is_told_again_with_its_line_of_now()
    {
        using var overrides = Open("overrides: {a: {read: {max_search_duration: 1h}}}");
        _logger.Lines.Clear();

        File.WriteAllText(_file, "\noverrides: {a: {read: {max_search_duration: 1h}}}");
        _time.Tick();

        Assert.Equal($"Warning: Per-tenant overrides: {_file}:2:17: overrides.a.read: known to Tempo, not used here", _logger.Lines[^1]);
    }

    [Fact]
    public void Ten_thousand_tenants_are_all_there_and_a_key_that_stands_twice_among_them_is_found()
    {
        var text = "overrides:\n" + string.Concat(Enumerable.Range(0, 10_000).Select(i => $"  t{i}:\n    metrics_generator: {{max_active_series: {i}}}\n"));
        using var overrides = Open(text);
        Assert.All(Enumerable.Range(0, 10_000), i => Assert.Equal(i, overrides.For(Tenant($"t{i}")).MetricsGenerator.MaxActiveSeries));

        File.WriteAllText(_file, text + "  t17:\n    metrics_generator: {}\n");
        _logger.Lines.Clear();
        _time.Tick();

        Assert.Equal($"Error: Per-tenant overrides: {_file}:20002:3: the key 't17' stands twice; it is on line 36 already", _logger.Lines[0]);
    }

    [Fact]
    public void The_hash_of_what_holds_is_shown()
    {
        using var values = new MetricValues(_metrics);
        using var overrides = Open("overrides: {}");
        var good = $"tempo_runtime_config_hash{{overrides,{Convert.ToHexStringLower(SHA256.HashData("overrides: {}"u8))}}}";
        Assert.Equal(1, values[good]);

        File.WriteAllText(_file, "overrides: []");
        _time.Tick();
        Assert.Equal(1, values[good]);

        File.WriteAllText(_file, "overrides: { }");
        _time.Tick();
        Assert.Equal(0, values[good]);
    }

    [Fact]
    public void What_a_changed_file_says_in_vain_is_logged()
    {
        using var overrides = Open("");
        _logger.Lines.Clear();

        File.WriteAllText(_file, "overrides: {a: {read: {max_search_duration: 1h}}}");
        _time.Tick();
        _time.Tick();

        Assert.Equal(
            [$"Information: Read the per-tenant overrides {_file}: 1 tenants have their own", $"Warning: Per-tenant overrides: {_file}:1:17: overrides.a.read: known to Tempo, not used here"],
            _logger.Lines);
    }

    [Fact]
    public void Headers_are_found_whatever_their_case()
    {
        using var overrides = Open("overrides: {a: {metrics_generator: {remote_write_headers: {x-scope-orgid: b}}}}");

        Assert.Equal("b", overrides.For(Tenant("a")).MetricsGenerator.RemoteWriteHeaders["X-Scope-OrgID"]);
    }

    [Fact]
    public void A_header_with_a_line_break_changes_nothing_and_is_logged_with_its_key()
    {
        using var overrides = Open("overrides: {a: {metrics_generator: {remote_write_headers: {X-Key: good}}}}");
        _logger.Lines.Clear();

        File.WriteAllText(_file, "overrides: {a: {metrics_generator: {remote_write_headers: {X-Key: \"bad\\nX-Scope-OrgID: other\"}}}}");
        _time.Tick();

        Assert.Equal("good", overrides.For(Tenant("a")).MetricsGenerator.RemoteWriteHeaders["X-Key"]);
        Assert.Equal($"Error: Per-tenant overrides: {_file}:1:37: overrides.a.metrics_generator.remote_write_headers: the value of 'X-Key' holds a line break, and a header is one line", _logger.Lines[0]);
    }

    [Fact]
    public void A_variable_that_YAML_changes_is_logged_without_its_value()
    {
        using var overrides = Open("", ("PASSWORD", "abc #1"));
        _logger.Lines.Clear();

        File.WriteAllText(_file, "overrides: {a: {metrics_generator: {remote_write_headers: {\n  X-Key: ${PASSWORD}\n}}}}");
        _time.Tick();

        Assert.Contains($"Warning: Per-tenant overrides: {_file}:2:10: YAML does not take the value of ${{PASSWORD}} as it is; write '${{PASSWORD}}' in single quotes, and in the value two for each that it holds", _logger.Lines);
    }

    [Fact]
    public void Variables_are_put_in_as_in_the_main_file()
    {
        using var overrides = Open("overrides: {a: {metrics_generator: {max_active_series: '${UNSET:-12}'}}}");

        Assert.Equal(12, overrides.For(Tenant("a")).MetricsGenerator.MaxActiveSeries);
    }

    [Fact]
    public void A_bad_file_keeps_the_last_good_one_and_is_told_once()
    {
        using var overrides = Open("overrides: {a: {metrics_generator: {max_active_series: 1}}}");
        var version = overrides.Version;
        Assert.Equal(1, LastReloadSuccessful());
        _logger.Lines.Clear();

        File.WriteAllText(_file, "overrides:\n  a:\n    metrics_generator: {max_active_series: lots}\n");
        _time.Tick();
        _time.Tick();

        Assert.Equal(1, overrides.For(Tenant("a")).MetricsGenerator.MaxActiveSeries);
        Assert.Equal(version, overrides.Version);
        Assert.Equal(0, LastReloadSuccessful());
        Assert.Equal(
        [
            $"Error: Per-tenant overrides: {_file}:3:44: overrides.a.metrics_generator.max_active_series: 'lots' is not allowed; it must be a whole number of at least 0",
            $"Error: The per-tenant overrides {_file} have 1 errors; the previous ones stay in force",
        ],
        _logger.Lines);

        File.Delete(_file);
        _time.Tick();
        Assert.Equal(1, overrides.For(Tenant("a")).MetricsGenerator.MaxActiveSeries);
        Assert.Equal(0, LastReloadSuccessful());

        File.WriteAllText(_file, "overrides: {a: {metrics_generator: {max_active_series: 1}}}");
        _time.Tick();
        Assert.Equal(1, LastReloadSuccessful());
        Assert.Equal(version, overrides.Version);
    }

    [Theory]
    [InlineData("", "")]
    [InlineData(" \n\n", "")]
    [InlineData("# nothing yet\n", "")]
    [InlineData("---\n", "")]
    [InlineData("overrides:\n", ":1:1")]
    [InlineData("# rewritten\noverrides: ~\n", ":2:1")]
    public void A_file_that_is_empty_for_a_moment_keeps_the_last_good_one_and_is_told_once(string empty, string place)
    {
        const string good = "overrides: {a: {metrics_generator: {max_active_series: 1}}}";
        using var overrides = Open(good);
        var version = overrides.Version;
        _logger.Lines.Clear();

        File.WriteAllText(_file, empty);
        _time.Tick();
        _time.Tick();

        Assert.Equal(1, overrides.For(Tenant("a")).MetricsGenerator.MaxActiveSeries);
        Assert.Equal((version, 0), (overrides.Version, LastReloadSuccessful()));
        Assert.Equal(
        [
            $"Error: Per-tenant overrides: {_file}{place}: the file is empty; write 'overrides: {{}}' into it where no tenant shall have an entry",
            $"Error: The per-tenant overrides {_file} have 1 errors; the previous ones stay in force",
        ],
        _logger.Lines);

        File.WriteAllText(_file, good);
        _time.Tick();
        Assert.Equal((version, 1), (overrides.Version, LastReloadSuccessful()));

        File.WriteAllText(_file, "overrides: {}");
        _time.Tick();
        Assert.Equal((version + 1, 1), (overrides.Version, LastReloadSuccessful()));
        Assert.Equal(1000, overrides.For(Tenant("a")).MetricsGenerator.MaxActiveSeries);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n# nothing yet\n")]
    [InlineData("overrides:\n")]
    public void A_file_that_is_empty_at_the_start_is_taken_with_a_warning(string empty)
    {
        File.WriteAllText(_file, empty);
        var result = TryOpen();
        using var overrides = result.Value!;

        Assert.EndsWith("the file is empty; write 'overrides: {}' into it where no tenant shall have an entry", Assert.Single(result.Warnings).ToString());
        _time.Tick();
        Assert.Equal(1, LastReloadSuccessful());
    }

    [Theory]
    [InlineData("overrides: {a: {metrics_generator: {max_active_series: lots}}}", ":1:56: overrides.a.metrics_generator.max_active_series: 'lots' is not allowed")]
    [InlineData(null, ": the file of overrides.per_tenant_override_config cannot be read: ")]
    public async Task Verifying_a_configuration_tells_the_errors_of_its_per_tenant_overrides_beside_its_own(string? tenants, string error)
    {
        File.Delete(_file);
        if (tenants is not null)
            File.WriteAllText(_file, tenants);
        var configuration = Path.GetTempFileName();
        try
        {
            File.WriteAllText(configuration, $"overrides: {{per_tenant_override_config: '{_file}'}}\n");
            Assert.Equal(1, await TempoCommand.InvokeAsync("", ["-config.file", configuration, "-config.verify"], static (_, _) => Task.FromResult(7)));

            File.AppendAllText(configuration, "servr: {}\n");
            var errors = TempoConfiguration.Load(configuration, ConfigurationText.NoEnvironment, withTenants: true).Errors.Select(static e => e.ToString()).ToArray();
            Assert.Equal(2, errors.Length);
            Assert.StartsWith($"{configuration}:2:1: servr: unknown key", errors[0]);
            Assert.StartsWith($"{_file}{error}", errors[1]);
        }
        finally
        {
            File.Delete(configuration);
        }
    }

    [Fact]
    public void A_file_in_the_flat_form_is_read_as_one_in_the_scoped_form_with_one_warning()
    {
        File.WriteAllText(_file,
            """
            overrides:
              a: {metrics_generator: {max_active_series: 1}}
              b:
                metrics_generator_max_active_series: 2
                metrics_generator_processor_span_metrics_dimensions: [x]
              "*": {ingestion_rate_limit_bytes: 3}
            """);
        var result = TryOpen();
        using var overrides = result.Value!;

        Assert.Equal(
            [$"{_file}:4:5: overrides.b: metrics_generator_max_active_series is the flat form of overrides, which Tempo 3 refuses; it is read as metrics_generator.max_active_series, and other flat keys likewise. 'tempo-cli migrate overrides-config' rewrites them"],
            result.Warnings.Select(static w => w.ToString()));
        Assert.Equal((1, 2), (overrides.For(Tenant("a")).MetricsGenerator.MaxActiveSeries, overrides.For(Tenant("b")).MetricsGenerator.MaxActiveSeries));
        Assert.Equal(["x"], overrides.For(Tenant("b")).MetricsGenerator.Processor.SpanMetrics.Dimensions);
        Assert.Equal([ProcessorNames.SpanMetrics], overrides.For(Tenant("b")).MetricsGenerator.Processors);
        Assert.Equal(3, overrides.For(Tenant("c")).Ingestion.RateLimitBytes);
    }

    [Fact]
    public void Nothing_is_read_any_more_after_the_end()
    {
        var overrides = Open("");
        overrides.Dispose();

        Assert.Empty(_time.Periods);
    }

    [Theory]
    [InlineData("overrides: {a/b: {ingestion: {}}}", "1:18: overrides.a/b: tenant ID 'a/b' contains unsupported character '/'; allowed are a-z, A-Z, 0-9 and !-_.*'()")]
    [InlineData("overrides: {a: {max_traces_per_user: 1, ingestion: {}}}", "1:17: overrides.a.max_traces_per_user: the flat form of overrides cannot stand beside the scoped one; write it as overrides.a.ingestion.max_traces_per_user")]
    [InlineData("overrides: {a: {max_search_bytes_per_trace: 1}}", "1:17: overrides.a.max_search_bytes_per_trace: removed in Tempo 2.1; remove it")]
    [InlineData("overrides: {a: {metrics_generator: {processor: {span_metrics: {dimensions: ['']}}}}}", "1:77: overrides.a.metrics_generator.processor.span_metrics.dimensions[0]: is empty; a dimension is the name of an attribute")]
    [InlineData("overrides: {a: 1}", "1:16: overrides.a must be a mapping, this is a single value")]
    [InlineData("tenants: {}", "1:1: tenants: unknown key; allowed: overrides")]
    [InlineData("overrides: {a: {metrics_generator: {processor: {span_metrics: {dimension_mappings: [{name: base, source_labels: [x]}]}}}}}", "1:17: overrides.a.metrics_generator: dimension mapping 'base' makes the label 'base', which dimension 'base' makes already; every mapping needs a label of its own")]
    public void A_bad_file_at_the_start_is_an_error(string text, string error)
    {
        File.WriteAllText(_file, text);
        var result = TryOpen();

        Assert.Null(result.Value);
        Assert.Equal($"{_file}:{error}", Assert.Single(result.Errors).ToString());
    }

    [Fact]
    public void A_file_that_is_not_there_at_the_start_is_an_error()
    {
        File.Delete(_file);

        Assert.StartsWith($"{_file}: the file of overrides.per_tenant_override_config cannot be read: ", Assert.Single(TryOpen().Errors).ToString());
    }

    private static TenantId Tenant(string name) => TenantId.TryParse(name, out var tenant, out var error) ? tenant : throw new ArgumentException(error);

    private FileOverrides Open(string text, params (string Name, string Value)[] environment)
    {
        File.WriteAllText(_file, text);
        var result = TryOpen(environment);
        Assert.Empty(result.Errors.Select(e => e.ToString()));
        return result.Value!;
    }

    private ConfigurationResult<FileOverrides> TryOpen(params (string Name, string Value)[] environment) => FileOverrides.Open(
        new OverridesOptions { Defaults = Defaults, PerTenantOverrideConfig = _file, PerTenantOverridePeriod = TimeSpan.FromSeconds(3) },
        new MetricsGeneratorOptions { Processor = new ProcessorOptions { SpanMetrics = new SpanMetricsOptions { Dimensions = ["base"] } } },
        environment.ToDictionary(e => e.Name, e => e.Value),
        _metrics,
        _time,
        _logger);

    private int LastReloadSuccessful()
    {
        var value = -1;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Meter == _metrics.Meter && instrument.Name == "tempo_runtime_config_last_reload_successful")
                l.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<int>((_, measurement, tags, _) =>
        {
            Assert.Equal("overrides", tags[0].Value);
            value = measurement;
        });
        listener.Start();
        listener.RecordObservableInstruments();
        return value;
    }
}
