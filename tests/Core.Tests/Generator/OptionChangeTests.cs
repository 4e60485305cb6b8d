using System.Reflection;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Configuration.Overrides;
using OrleansTempo.Core.Generator.Registry;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.Generator.ServiceGraphs;
using OrleansTempo.Core.Generator.SpanMetrics;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Tests.Otlp;
using Kind = OrleansTempo.Tests.Otlp.Span.Types.SpanKind;
using Span = OrleansTempo.Tests.Otlp.Span;

namespace OrleansTempo.Core.Tests.Generator;

/// <summary>
/// Checks that no option affects anything unrelated: each option is changed, and changed back, in a generator with series and waiting
/// edges. All metrics except those the table lists for the option must stay, to the last sample, as in a generator without the change.
/// An option that is missing in the table fails.
/// </summary>
public sealed class OptionChangeTests
{
    private const string Calls = "traces_spanmetrics_calls_total";
    private const string Latency = "traces_spanmetrics_latency";
    private const string Size = "traces_spanmetrics_size_total";
    private const string TargetInfo = "traces_target_info";
    private const string Requests = "traces_service_graph_request_total";
    private const string Failed = "traces_service_graph_request_failed_total";
    private const string ServerSeconds = "traces_service_graph_request_server_seconds";
    private const string ClientSeconds = "traces_service_graph_request_client_seconds";
    private const string MessagingSeconds = "traces_service_graph_request_messaging_system_seconds";
    private const string ConnectionInfo = "traces_service_graph_connection_info";
    private const string HostInfo = "traces_host_info";

    private static readonly string[] s_nothing = [];
    private static readonly string[] s_spanMetrics = [Calls, Latency, Size];
    private static readonly string[] s_graph = [Requests, Failed, ServerSeconds, ClientSeconds, MessagingSeconds, ConnectionInfo];
    private static readonly string[] s_all = [.. s_spanMetrics, TargetInfo, .. s_graph, HostInfo];

    // As much as possible is switched on, so that there is much to lose.
    private static readonly GeneratorSettings s_settings = new()
    {
        SpanMetricsCount = true,
        SpanMetricsLatency = true,
        SpanMetricsSize = true,
        ServiceGraphsRequest = true,
        ServiceGraphsLatency = true,
        ServiceGraphsConnectionInfo = true,
        HostInfoEnabled = true,
        SpanMetrics = new SpanMetricsOptions { EnableTargetInfo = true, Dimensions = ["http.method"] },
        ServiceGraphs = new ServiceGraphsOptions { Dimensions = ["zone"], EnableMessagingSystemLatencyHistogram = true },
    };

    // Each option, another value for it, and the metrics that then change in any way.
    private static readonly Dictionary<string, (Func<GeneratorSettings, GeneratorSettings> Change, string[] Concerns)> s_options = new()
    {
        ["SpanMetricsCount"] = (s => s with { SpanMetricsCount = false }, [Calls]),
        ["SpanMetricsLatency"] = (s => s with { SpanMetricsLatency = false }, [Latency]),
        ["SpanMetricsSize"] = (s => s with { SpanMetricsSize = false }, [Size]),
        ["ServiceGraphsRequest"] = (s => s with { ServiceGraphsRequest = false }, [Requests, Failed]),
        ["ServiceGraphsLatency"] = (s => s with { ServiceGraphsLatency = false }, [ServerSeconds, ClientSeconds, MessagingSeconds]),
        ["ServiceGraphsConnectionInfo"] = (s => s with { ServiceGraphsConnectionInfo = false }, [ConnectionInfo]),
        ["HostInfoEnabled"] = (s => s with { HostInfoEnabled = false }, [HostInfo]),

        ["SpanMetrics.HistogramBuckets"] = (SpanMetrics(o => o with { HistogramBuckets = [0.02, 5] }), [Latency]),
        ["SpanMetrics.IntrinsicDimensions.Service"] = (Intrinsic(o => o with { Service = false }), s_spanMetrics),
        ["SpanMetrics.IntrinsicDimensions.SpanName"] = (Intrinsic(o => o with { SpanName = false }), s_spanMetrics),
        ["SpanMetrics.IntrinsicDimensions.SpanKind"] = (Intrinsic(o => o with { SpanKind = false }), s_spanMetrics),
        ["SpanMetrics.IntrinsicDimensions.StatusCode"] = (Intrinsic(o => o with { StatusCode = false }), s_spanMetrics),
        ["SpanMetrics.IntrinsicDimensions.StatusMessage"] = (Intrinsic(o => o with { StatusMessage = true }), s_spanMetrics),
        ["SpanMetrics.Dimensions"] = (SpanMetrics(o => o with { Dimensions = ["http.method", "zone"] }), s_spanMetrics),
        ["SpanMetrics.DimensionMappings"] = (SpanMetrics(o => o with { DimensionMappings = [new DimensionMappingOptions { Name = "where", SourceLabels = ["zone"] }] }), s_spanMetrics),
        ["SpanMetrics.EnableTargetInfo"] = (SpanMetrics(o => o with { EnableTargetInfo = false }), [.. s_spanMetrics, TargetInfo]),
        ["SpanMetrics.TargetInfoExcludedDimensions"] = (SpanMetrics(o => o with { TargetInfoExcludedDimensions = ["zone"] }), [TargetInfo]),
        ["SpanMetrics.EnableInstanceLabel"] = (SpanMetrics(o => o with { EnableInstanceLabel = false }), [.. s_spanMetrics, TargetInfo]),
        ["SpanMetrics.SpanMultiplierKey"] = (SpanMetrics(o => o with { SpanMultiplierKey = "ratio" }), [Calls, Latency]),
        ["SpanMetrics.EnableTracestateSpanMultiplier"] = (SpanMetrics(o => o with { EnableTracestateSpanMultiplier = true }), [Calls, Latency]),
        ["SpanMetrics.FilterPolicies"] = (SpanMetrics(o => o with { FilterPolicies = [Excluding("GET /users/1")] }), s_spanMetrics),

        ["ServiceGraphs.Wait"] = (Graph(o => o with { Wait = TimeSpan.FromSeconds(60) }), s_nothing),
        ["ServiceGraphs.MaxItems"] = (Graph(o => o with { MaxItems = 100 }), s_nothing),
        ["ServiceGraphs.HistogramBuckets"] = (Graph(o => o with { HistogramBuckets = [0.02, 5] }), [ServerSeconds, ClientSeconds, MessagingSeconds]),
        ["ServiceGraphs.Dimensions"] = (Graph(o => o with { Dimensions = ["zone", "http.method"] }), s_graph),
        ["ServiceGraphs.EnableClientServerPrefix"] = (Graph(o => o with { EnableClientServerPrefix = true }), s_graph),
        ["ServiceGraphs.EnableMessagingSystemLatencyHistogram"] = (Graph(o => o with { EnableMessagingSystemLatencyHistogram = false }), [MessagingSeconds]),
        ["ServiceGraphs.PeerAttributes"] = (Graph(o => o with { PeerAttributes = ["other"] }), [Requests, ServerSeconds, ClientSeconds, ConnectionInfo]),
        ["ServiceGraphs.SpanMultiplierKey"] = (Graph(o => o with { SpanMultiplierKey = "ratio" }), [Requests, Failed, ServerSeconds, ClientSeconds, MessagingSeconds]),
        ["ServiceGraphs.EnableTracestateSpanMultiplier"] = (Graph(o => o with { EnableTracestateSpanMultiplier = true }), [Requests, Failed, ServerSeconds, ClientSeconds, MessagingSeconds]),
        ["ServiceGraphs.EnableVirtualNodeLabel"] = (Graph(o => o with { EnableVirtualNodeLabel = true }), [Requests, ServerSeconds, ClientSeconds, ConnectionInfo]),
        ["ServiceGraphs.DatabaseNameAttributes"] = (Graph(o => o with { DatabaseNameAttributes = [] }), [Requests, ServerSeconds, ClientSeconds]),
        ["ServiceGraphs.FilterPolicies"] = (Graph(o => o with { FilterPolicies = [Excluding("publish")] }), [Requests, ServerSeconds, ClientSeconds, MessagingSeconds]),

        ["HostInfo.HostIdentifiers"] = (s => s with { HostInfo = s.HostInfo with { HostIdentifiers = ["zone"] } }, [HostInfo]),
        ["HostInfo.MetricName"] = (s => s with { HostInfo = s.HostInfo with { MetricName = "traces_host_info_2" } }, [HostInfo, "traces_host_info_2"]),

        ["Registry.CollectionInterval"] = (Registry(o => o with { CollectionInterval = TimeSpan.FromSeconds(60) }), s_nothing),
        ["Registry.StaleDuration"] = (Registry(o => o with { StaleDuration = TimeSpan.FromMinutes(1) }), s_nothing),
        ["Registry.ExternalLabels"] = (Registry(o => o with { ExternalLabels = new Dictionary<string, string> { ["cluster"] = "c1" } }), s_all),
        ["Registry.InjectTenantIdAs"] = (Registry(o => o with { InjectTenantIdAs = "tenant" }), s_all),
        ["Registry.MaxLabelNameLength"] = (Registry(o => o with { MaxLabelNameLength = 3 }), s_all),
        ["Registry.MaxLabelValueLength"] = (Registry(o => o with { MaxLabelValueLength = 2 }), s_all),

        ["IngestionTimeRangeSlack"] = (s => s with { IngestionTimeRangeSlack = TimeSpan.FromHours(1) }, s_nothing),
        ["MaxActiveSeries"] = (s => s with { MaxActiveSeries = 1 }, s_nothing),
        ["LimiterType"] = (s => s with { LimiterType = LimiterType.Entity }, s_nothing),
        ["MaxActiveEntities"] = (s => s with { MaxActiveEntities = 1 }, s_nothing),
        ["MaxCardinalityPerLabel"] = (s => s with { MaxCardinalityPerLabel = 100 }, s_nothing),
        ["NativeHistograms.Mode"] = (Native(o => o with { Mode = HistogramMode.Both }), [Latency, ServerSeconds, ClientSeconds, MessagingSeconds]),
        ["NativeHistograms.BucketFactor"] = (Native(o => o with { BucketFactor = 1.5 }), s_nothing),
        ["NativeHistograms.MaxBucketNumber"] = (Native(o => o with { MaxBucketNumber = 1 }), s_nothing),
        ["NativeHistograms.MinResetDuration"] = (Native(o => o with { MinResetDuration = TimeSpan.FromHours(1) }), s_nothing),
        ["DedupeWindow"] = (s => s with { DedupeWindow = TimeSpan.FromMinutes(1) }, s_nothing),
        ["DedupeMaxSpans"] = (s => s with { DedupeMaxSpans = 1000 }, s_nothing),
        ["RingSize"] = (s => s with { RingSize = 1 }, s_nothing),
        ["DisableCollection"] = (s => s with { DisableCollection = true }, s_all),
        ["SpanNameSanitization"] = (s => s with { SpanNameSanitization = SpanNameSanitization.Enabled }, s_spanMetrics),
        ["TraceIdLabelName"] = (s => s with { TraceIdLabelName = "trace_id" }, s_nothing),
        ["RemoteWriteHeaders"] = (s => s with { RemoteWriteHeaders = new Dictionary<string, string> { ["a"] = "b" } }, s_nothing),
    };

    private static readonly string[] s_names = [.. Leaves(typeof(GeneratorSettings), "")];

    public static TheoryData<string> Options => [.. s_names];

    [Theory]
    [MemberData(nameof(Options))]
    public void A_change_of_an_option_touches_nothing_unrelated(string option)
    {
        Assert.True(s_options.TryGetValue(option, out var row), $"the table does not know {option}: put it in, with another value and the metrics it concerns");
        var changed = row.Change(s_settings);
        Assert.Equal([option], s_names.Where(o => !ValueOf(s_settings, o).Equals(ValueOf(changed, o))));

        var steady = new Traffic();
        var tested = new Traffic();
        steady.Begin();
        tested.Begin();
        tested.Bench.Apply(row.Change);
        var (expected, collected) = (steady.Continue(), tested.Continue());
        AssertSameBut(row.Concerns, expected, collected);
        Assert.Equal(row.Concerns.Order(), Different(expected, collected));

        // And back.
        tested.Bench.Apply(_ => s_settings);
        (expected, collected) = (steady.Continue(), tested.Continue());
        AssertSameBut(option == nameof(GeneratorSettings.DisableCollection) ? [] : row.Concerns, expected, collected);
    }

    [Fact]
    public void The_table_lists_no_option_that_does_not_exist() =>
        Assert.Equal(s_names.Order(StringComparer.Ordinal), s_options.Keys.Order(StringComparer.Ordinal));

    [Fact]
    public void Minutes_of_virtual_node_labels_with_constantly_reloaded_overrides_lose_nothing()
    {
        var options = new MetricsGeneratorOptions { Processor = new ProcessorOptions { ServiceGraphs = new ServiceGraphsOptions { Dimensions = ["zone"], EnableVirtualNodeLabel = true } } };
        GeneratorSettings Read() => GeneratorSettings.Resolve(
            options with { Processor = options.Processor with { ServiceGraphs = options.Processor.ServiceGraphs with { Dimensions = ["zone"] } } },
            new TenantOverrides { MetricsGenerator = new MetricsGeneratorOverrides { Processors = [ProcessorNames.ServiceGraphs] } });
        var bench = new GeneratorBench(_ => Read());
        const string Edge = """traces_service_graph_request_total{client="web",server="cart"}""";
        const string Root = """traces_service_graph_request_total{client="user",connection_type="virtual_node",server="web",virtual_node="client"}""";
        const int Times = 60;
        for (var i = 1; i <= Times; i++)
        {
            bench.Push("web", GeneratorBench.Span("root", Kind.Server, 1), GeneratorBench.Span("call", Kind.Client, 2));
            bench.Time.Advance(TimeSpan.FromSeconds(5));
            bench.Apply(_ => Read());
            bench.Push("cart", GeneratorBench.Span("call", Kind.Server, 3, parent: 2));
            bench.Time.Advance(TimeSpan.FromSeconds(5));

            var collected = bench.Collect();
            Assert.Equal((i, i), (collected[Edge], collected[Root]));
            Assert.Equal(i > 1, collected.Samples[Edge].ZeroTimestampMs == 0);
            Assert.Equal(i > 1, collected.Samples[Root].ZeroTimestampMs == 0);
            Assert.DoesNotContain(collected.Samples.Values, s => s.IsStale);
        }

        Assert.Equal(2 * Times, bench.Counters["tempo_metrics_generator_processor_service_graphs_edges"]);
        Assert.Equal(0, bench.Counters["tempo_metrics_generator_processor_service_graphs_expired_edges{SPAN_KIND_CLIENT}"]);
    }

    private static void AssertSameBut(string[] concerned, Recorder expected, Recorder collected)
    {
        foreach (var family in Families(expected).Union(Families(collected)).Except(concerned))
            Assert.Equal(Samples(expected, family), Samples(collected, family));
    }

    private static IEnumerable<string> Different(Recorder expected, Recorder collected) => Families(expected).Union(Families(collected))
        .Where(f => !Samples(expected, f).SequenceEqual(Samples(collected, f)))
        .Order();

    private static IEnumerable<KeyValuePair<string, Recorder.Sample>> Samples(Recorder recorder, string family) =>
        recorder.Samples.Where(s => Family(s.Key) == family).OrderBy(s => s.Key, StringComparer.Ordinal);

    private static IEnumerable<string> Families(Recorder recorder) => recorder.Series.Select(Family).Distinct();

    private static string Family(string series)
    {
        var name = series.Split('{')[0];
        return new[] { "_bucket", "_sum", "_count" }.Where(s => name.EndsWith(s, StringComparison.Ordinal)).Select(s => name[..^s.Length]).FirstOrDefault(name);
    }

    // Options within options, which have value equality.
    private static IEnumerable<string> Leaves(Type type, string path)
    {
        foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.CanWrite))
        {
            if (property.PropertyType is { IsClass: true } inner && inner.Assembly == type.Assembly)
            {
                foreach (var leaf in Leaves(inner, path + property.Name + "."))
                    yield return leaf;
            }
            else
            {
                yield return path + property.Name;
            }
        }
    }

    private static object ValueOf(GeneratorSettings settings, string option) =>
        option.Split('.').Aggregate((object)settings, (value, name) => value.GetType().GetProperty(name)!.GetValue(value)!) switch
        {
            System.Collections.IEnumerable list and not string => string.Join('\n', list.Cast<object>()),
            var value => value,
        };

    private static Func<GeneratorSettings, GeneratorSettings> SpanMetrics(Func<SpanMetricsOptions, SpanMetricsOptions> change) => s => s with { SpanMetrics = change(s.SpanMetrics) };

    private static Func<GeneratorSettings, GeneratorSettings> Intrinsic(Func<IntrinsicDimensionsOptions, IntrinsicDimensionsOptions> change) =>
        SpanMetrics(o => o with { IntrinsicDimensions = change(o.IntrinsicDimensions) });

    private static Func<GeneratorSettings, GeneratorSettings> Graph(Func<ServiceGraphsOptions, ServiceGraphsOptions> change) => s => s with { ServiceGraphs = change(s.ServiceGraphs) };

    private static Func<GeneratorSettings, GeneratorSettings> Registry(Func<RegistryOptions, RegistryOptions> change) => s => s with { Registry = change(s.Registry) };

    private static Func<GeneratorSettings, GeneratorSettings> Native(Func<NativeHistogramOptions, NativeHistogramOptions> change) => s => s with { NativeHistograms = change(s.NativeHistograms) };

    private static FilterPolicyOptions Excluding(string name) => new()
    {
        Exclude = new PolicyMatchOptions { Attributes = [new PolicyAttributeOptions { Key = "name", Value = name }] },
    };

    /// <summary>A generator and its input: something of everything that any option affects.</summary>
    private sealed class Traffic
    {
        private static readonly (string, object)[] s_web = [("service.name", "web"), ("service.instance.id", "web-0"), ("host.id", "host-1"), ("zone", "west")];
        private static readonly (string, object)[] s_cart = [("service.name", "cart"), ("service.instance.id", "cart-0"), ("host.id", "host-2"), ("zone", "east")];

        public GeneratorBench Bench { get; } = new(_ => s_settings);

        /// <summary>Creates collected series and waiting edges.</summary>
        public void Begin()
        {
            PushFirstSides();
            PushOtherSides();
            Bench.Collect();
            PushFirstSides();
        }

        /// <summary>Sends the other sides, and new waiting edges.</summary>
        public Recorder Continue()
        {
            Bench.Time.Advance(TimeSpan.FromSeconds(2));
            PushOtherSides();
            PushFirstSides();
            return Bench.Collect();
        }

        private void PushFirstSides() => Bench.Push(
            s_web,
            Span("root", Kind.Server, 1, 0, ("peer.service", "proxy")),
            Span("GET /users/1", Kind.Client, 2),
            Span("GET /users/2", Kind.Client, 3),
            Span("publish", Kind.Producer, 4),
            Span("query", Kind.Client, 5, 0, ("db.name", "orders")));

        private void PushOtherSides()
        {
            var failed = Span("GET /users/2", Kind.Server, 12, 3);
            failed.Status = new Status { Code = Status.Types.StatusCode.Error, Message = "no such user" };

            // Shorter than the wait, so that there is time between the two sides.
            Bench.Time.Advance(TimeSpan.FromSeconds(1));
            Bench.Push(s_cart, Span("GET /users/1", Kind.Server, 11, 2), failed, Span("publish", Kind.Consumer, 13, 4));
        }

        private static Span Span(string name, Kind kind, byte id, byte parent = 0, params (string, object)[] attributes)
        {
            var span = GeneratorBench.Span(name, kind, id, parent, attributes: [("http.method", "GET"), ("ratio", 0.25), .. attributes]);
            span.TraceState = "ot=th:8";
            return span;
        }
    }
}
