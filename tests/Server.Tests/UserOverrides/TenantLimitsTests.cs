using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Configuration.Overrides;
using OrleansTempo.Server.UserOverrides;

namespace OrleansTempo.Server.Tests.UserOverrides;

public sealed class TenantLimitsTests
{
    // The fields of Tempo's modules/overrides/userconfigurable/client/limits.go, in its order.
    private const string Everything =
        """
        {"forwarders":[],"cost_attribution":{"dimensions":{"team":"t"}},"metrics_generator":{"processors":["service-graphs","span-metrics"],"disable_collection":true,
        "collection_interval":"1m0s","trace_id_label_name":"trace_id","ingestion_time_range_slack":"1m30s","generate_native_histograms":"classic",
        "native_histogram_max_bucket_number":160,"native_histogram_bucket_factor":1.2,"native_histogram_min_reset_duration":"10m0s","span_name_sanitization":"",
        "processor":{"service_graphs":{"dimensions":["a"],"enable_client_server_prefix":true,"enable_messaging_system_latency_histogram":true,
        "enable_virtual_node_label":true,"peer_attributes":["p"],"filter_policies":[{"exclude":{"match_type":"regex","attributes":[{"key":"name","value":"x+<y>"}]}}],
        "histogram_buckets":[0.1,2],"span_multiplier_key":"m","enable_tracestate_span_multiplier":false},
        "span_metrics":{"dimensions":["b"],"intrinsic_dimensions":{"span_kind":false},"dimension_mappings":[{"name":"env","source_labels":["x","y"],"join":"/"}],
        "enable_target_info":true,"filter_policies":[{"include":{"match_type":"strict","attributes":[{"key":"span.n","value":1},{"key":"span.t","value":"1"}]}}],
        "histogram_buckets":[1],"target_info_excluded_dimensions":["e"],"enable_instance_label":false,"span_multiplier_key":"n","enable_tracestate_span_multiplier":true},
        "host_info":{"host_identifiers":["host.id"],"metric_name":"traces_host_info"}}}}
        """;

    [Fact]
    public void Everything_that_Tempo_takes_comes_back_as_it_was()
    {
        var expected = Everything.ReplaceLineEndings("");

        Assert.Equal(expected, Text(Parse(Everything)));
        Assert.Equal(expected, Text(Parse(expected)));
    }

    [Theory]
    [InlineData("{}", "{}", "{}")]
    [InlineData("""{"forwarders":null,"metrics_generator":null}""", "{}", "{}")]
    [InlineData("""{"metrics_generator":{"processor":{"span_metrics":{"dimensions":[]}}}}""", "{}", """{"dimensions":[]}""")]
    public void Blocks_are_always_there_and_what_is_null_never(string given, string serviceGraphs, string spanMetrics) => Assert.Equal(
        """{"cost_attribution":{},"metrics_generator":{"processor":{"service_graphs":""" + serviceGraphs + ""","span_metrics":""" + spanMetrics + ""","host_info":{}}}}""",
        Text(Parse(given)));

    [Theory]
    [InlineData("\"15s\"", "15s")]
    [InlineData("\"90s\"", "1m30s")]
    [InlineData("\"1h\"", "1h0m0s")]
    [InlineData("15000000000", "15s")]
    [InlineData("1.5e9", "1.5s")]
    [InlineData("\"0\"", "0s")]
    public void A_duration_is_Gos_or_a_number_of_nanoseconds(string given, string kept) => Assert.Contains(
        "{\"ingestion_time_range_slack\":\"" + kept + "\",", Text(Parse("""{"metrics_generator":{"ingestion_time_range_slack":""" + given + "}}")));

    [Theory]
    [InlineData("", "this is not valid JSON: ")]
    [InlineData("{", "this is not valid JSON: ")]
    [InlineData("{} {}", "this is not valid JSON: ")]
    [InlineData("""{"forwarders":[],"forwarders":[]}""", "this is not valid JSON: ")]
    [InlineData("[]", "overrides must be a JSON object")]
    [InlineData("null", "overrides must be a JSON object")]
    [InlineData("""{"forwarder":[]}""", "forwarder: unknown field; did you mean 'forwarders'? Allowed: forwarders, cost_attribution, metrics_generator")]
    [InlineData("""{"metrics_generator":{"max_active_series":5}}""", "metrics_generator.max_active_series: unknown field; allowed: processors, ")]
    [InlineData("""{"metrics_generator":{"remote_write_headers":{"X-A":"b\nX-Scope-OrgID: c"}}}""", "metrics_generator.remote_write_headers: unknown field; allowed: processors, ")]
    [InlineData("""{"metrics_generator":{"processors":"span-metrics"}}""", "metrics_generator.processors: must be a list of strings")]
    [InlineData("""{"metrics_generator":{"processors":[1]}}""", "metrics_generator.processors[0]: must be a string")]
    [InlineData("""{"metrics_generator":{"disable_collection":"true"}}""", "metrics_generator.disable_collection: must be true or false")]
    [InlineData("""{"metrics_generator":{"collection_interval":"soon"}}""", "metrics_generator.collection_interval: '\"soon\"' is not a duration; allowed: a Go duration such as 250ms, 15s, 1.5h or 1h30m as a string, or a number of nanoseconds")]
    [InlineData("""{"metrics_generator":{"collection_interval":1e300}}""", "metrics_generator.collection_interval: '1e300' is not a duration; ")]
    [InlineData("""{"metrics_generator":{"processor":[]}}""", "metrics_generator.processor: must be an object")]
    [InlineData("""{"metrics_generator":{"processor":{"span_metrics":{"histogram_buckets":["1"]}}}}""", "metrics_generator.processor.span_metrics.histogram_buckets[0]: must be a number")]
    [InlineData("""{"metrics_generator":{"processor":{"span_metrics":{"intrinsic_dimensions":{"service":1}}}}}""", "metrics_generator.processor.span_metrics.intrinsic_dimensions.service: must be true or false")]
    [InlineData("""{"metrics_generator":{"processor":{"span_metrics":{"filter_policies":[{"includes":{}}]}}}}""", "metrics_generator.processor.span_metrics.filter_policies[0].includes: unknown field; did you mean 'include'? ")]
    [InlineData("""{"metrics_generator":{"processor":{"span_metrics":{"filter_policies":[{"include":{"attributes":[{"key":"name","value":{}}]}}]}}}}""", "metrics_generator.processor.span_metrics.filter_policies[0].include.attributes[0].value: must be a string, a number, true or false")]
    public void What_is_not_a_tenants_limits_is_refused_in_words(string json, string problem)
    {
        Assert.Null(TenantLimits.TryParse(Encoding.UTF8.GetBytes(json), out var problems));
        Assert.StartsWith(problem, problems);
    }

    public static TheoryData<string, string, string> TooMuch => new()
    {
        { "processor.span_metrics.histogram_buckets", Numbers(100), Numbers(101) },
        { "processor.service_graphs.histogram_buckets", Numbers(100), Numbers(20_000) },
        { "processor.span_metrics.dimensions", Texts(50), Texts(20_000) },
        { "processor.service_graphs.dimensions", Texts(50), Texts(51) },
        { "processor.service_graphs.peer_attributes", Texts(50), Texts(51) },
        { "processor.span_metrics.target_info_excluded_dimensions", Texts(50), Texts(51) },
        { "processor.span_metrics.filter_policies", Items(20, "{}"), Items(21, "{}") },
        { "processor.span_metrics.filter_policies[0].include.attributes", Items(20, "{}"), Items(21, "{}") },
        { "processor.span_metrics.dimension_mappings", Items(50, "{}"), Items(51, "{}") },
        { "processor.span_metrics.dimension_mappings[0].source_labels", Texts(50), Texts(51) },
        { "processor.host_info.host_identifiers", Texts(50), Texts(51) },
        { "processors", Texts(50), Texts(51) },
    };

    [Theory, MemberData(nameof(TooMuch))]
    public void A_list_longer_than_a_tenant_may_set_is_refused_with_its_length(string path, string longest, string tooLong)
    {
        Parse(At(path, longest));
        Assert.Null(TenantLimits.TryParse(Encoding.UTF8.GetBytes(At(path, tooLong)), out var problems));
        Assert.Matches($@"^metrics_generator\.{Regex.Escape(path)}: has [0-9]+ items; at most (100|50|20) are allowed$", problems);
    }

    [Theory]
    [InlineData("trace_id_label_name", "{0}")]
    [InlineData("processor.span_metrics.span_multiplier_key", "{0}")]
    [InlineData("processor.span_metrics.dimensions", "[{0}]")]
    [InlineData("processor.span_metrics.intrinsic_dimensions", "{{{0}:true}}")]
    [InlineData("processor.span_metrics.dimension_mappings[0].join", "{0}")]
    [InlineData("processor.service_graphs.filter_policies[0].include.attributes[0].value", "{0}")]
    public void A_text_longer_than_a_tenant_may_set_is_refused_with_its_length(string path, string json)
    {
        var fits = new string('é', 512);
        Parse(At(path, string.Format(CultureInfo.InvariantCulture, json, $"\"{fits}\"")));
        Assert.Null(TenantLimits.TryParse(Encoding.UTF8.GetBytes(At(path, string.Format(CultureInfo.InvariantCulture, json, $"\"{fits}x\""))), out var problems));
        Assert.StartsWith($"metrics_generator.{path}", problems);
        Assert.EndsWith($": '{fits[..40]}…' has 1025 bytes; at most 1024 are allowed", problems);
    }

    [Fact]
    public void A_native_histogram_of_a_tenant_has_at_most_500_buckets()
    {
        Parse("""{"metrics_generator":{"native_histogram_max_bucket_number":500}}""");
        Assert.Null(TenantLimits.TryParse("""{"metrics_generator":{"native_histogram_max_bucket_number":501}}"""u8, out var problems));
        Assert.Equal("metrics_generator.native_histogram_max_bucket_number: '501' is too many; at most 500 are allowed", problems);
    }

    [Theory]
    [InlineData(new byte[] { (byte)'"', 0xff, (byte)'"' })]
    [InlineData(new byte[] { (byte)'"', (byte)'\\', (byte)'u', (byte)'d', (byte)'8', (byte)'0', (byte)'0', (byte)'"' })]
    public void Text_that_is_not_Unicode_is_refused_in_values_and_in_names(byte[] text)
    {
        Assert.Null(TenantLimits.TryParse([.. "{\"forwarders\":["u8, .. text, .. "]}"u8], out var problems));
        Assert.StartsWith("this is not valid JSON: ", problems);
        Assert.Null(TenantLimits.TryParse([.. "{"u8, .. text, .. ":1}"u8], out problems));
        Assert.StartsWith("this is not valid JSON: ", problems);
    }

    [Fact]
    public void No_more_than_twenty_problems_are_told()
    {
        Assert.Null(TenantLimits.TryParse(Encoding.UTF8.GetBytes("{" + string.Join(',', Enumerable.Range(0, 100).Select(i => $"\"x{i}\":1")) + "}"), out var fields));
        Assert.Equal(20, fields.Split('\n').Length);

        Parse("{\"metrics_generator\":{\"processors\":[" + string.Join(',', Enumerable.Range(0, 50).Select(i => $"\"x{i}\"")) + "]}}").Over(new TenantOverrides(), new MetricsGeneratorOptions(), out var values);
        Assert.Equal(20, values.Split('\n').Length);
    }

    [Theory]
    [InlineData("""{"forwarders":["x"]}""", "forwarders: not supported yet: no traces are forwarded to other backends")]
    [InlineData("""{"metrics_generator":{"processors":["span-metric"]}}""", "metrics_generator.processors[0]: 'span-metric' is not a processor; did you mean 'span-metrics'? ")]
    [InlineData("""{"metrics_generator":{"collection_interval":"1s"}}""", "metrics_generator.collection_interval: '1s' is not allowed; it must be from 15s to 5m")]
    [InlineData("""{"metrics_generator":{"collection_interval":"0s"}}""", "metrics_generator.collection_interval: '0s' is not allowed; it must be from 15s to 5m")]
    [InlineData("""{"metrics_generator":{"collection_interval":"10m"}}""", "metrics_generator.collection_interval: '10m' is not allowed; it must be from 15s to 5m")]
    [InlineData("""{"metrics_generator":{"ingestion_time_range_slack":"13h"}}""", "metrics_generator.ingestion_time_range_slack: '13h0m0s' is not allowed; ")]
    [InlineData("""{"metrics_generator":{"trace_id_label_name":"a b"}}""", "metrics_generator.trace_id_label_name: 'a b' is not a label name; ")]
    [InlineData("""{"metrics_generator":{"processor":{"span_metrics":{"histogram_buckets":[2,1]}}}}""", "metrics_generator.processor.span_metrics.histogram_buckets[1]: 1 is not greater than the 2 before it; ")]
    [InlineData("""{"metrics_generator":{"processor":{"span_metrics":{"intrinsic_dimensions":{"kind":true}}}}}""", "metrics_generator.processor.span_metrics.intrinsic_dimensions.kind: unknown key")]
    [InlineData("""{"metrics_generator":{"processor":{"service_graphs":{"filter_policies":[{"include":{"match_type":"regex","attributes":[{"key":"name","value":"("}]}}]}}}}""", "metrics_generator.processor.service_graphs.filter_policies[0].include.attributes[0].value: '(' is not a regular expression: ")]
    [InlineData("""{"metrics_generator":{"processor":{"span_metrics":{"dimension_mappings":[{"name":"base","source_labels":["x"]}]}}}}""", "metrics_generator: dimension mapping 'base' makes the label 'base', which dimension 'base' makes already; ")]
    public void A_value_that_is_not_allowed_is_refused_as_in_the_file(string json, string problem)
    {
        var generator = new MetricsGeneratorOptions { Processor = new ProcessorOptions { SpanMetrics = new SpanMetricsOptions { Dimensions = ["base"] } } };

        Assert.Null(Parse(json).Over(new TenantOverrides(), generator, out var problems));
        Assert.StartsWith(problem, problems);
    }

    [Fact]
    public void All_that_is_wrong_is_told_at_once()
    {
        Assert.Null(TenantLimits.TryParse("""{"x":1,"metrics_generator":{"disable_collection":1}}"""u8, out var problems));

        Assert.Equal(["x: unknown field; allowed: forwarders, cost_attribution, metrics_generator", "metrics_generator.disable_collection: must be true or false"], problems.Split('\n'));
    }

    [Fact]
    public void What_is_set_lies_over_the_operators_field_by_field()
    {
        var operators = new TenantOverrides
        {
            Ingestion = new IngestionOverrides { RateLimitBytes = 7, BurstSizeBytes = 8 },
            MetricsGenerator = new MetricsGeneratorOverrides
            {
                Processors = ["span-metrics"],
                MaxActiveSeries = 9,
                TraceIdLabelName = "operators",
                RemoteWriteHeaders = new Dictionary<string, string> { ["X-A"] = "b" },
                Processor = new ProcessorOverrides { ServiceGraphs = new ServiceGraphsOverrides { Dimensions = ["d"], EnableVirtualNodeLabel = true } },
            },
        };

        var both = Parse("""{"metrics_generator":{"processors":[],"collection_interval":"1m","processor":{"service_graphs":{"dimensions":["own"]},"span_metrics":{"enable_target_info":true}}}}""")
            .Over(operators, new MetricsGeneratorOptions(), out _);

        Assert.Equal(
            operators with
            {
                MetricsGenerator = operators.MetricsGenerator with
                {
                    Processors = [],
                    CollectionInterval = TimeSpan.FromMinutes(1),
                    Processor = new ProcessorOverrides
                    {
                        ServiceGraphs = new ServiceGraphsOverrides { Dimensions = ["own"], EnableVirtualNodeLabel = true },
                        SpanMetrics = new SpanMetricsOverrides { EnableTargetInfo = true },
                    },
                },
            },
            both);
    }

    [Fact]
    public void Typed_values_of_a_filter_policy_keep_their_types()
    {
        var both = Parse(Everything).Over(new TenantOverrides(), new MetricsGeneratorOptions(), out var problems);

        Assert.Equal("", problems);
        Assert.Equal(
            [new PolicyAttributeOptions { Key = "span.n", Value = 1L }, new PolicyAttributeOptions { Key = "span.t", Value = "1" }],
            both!.MetricsGenerator.Processor.SpanMetrics.FilterPolicies![0].Include!.Attributes);
    }

    [Fact]
    public void Overrides_show_the_part_of_them_that_a_tenant_could_set()
    {
        var overrides = new TenantOverrides
        {
            Ingestion = new IngestionOverrides { RateLimitBytes = 7, BurstSizeBytes = 8 },
            MetricsGenerator = new MetricsGeneratorOverrides
            {
                Processors = ["span-metrics"],
                MaxActiveSeries = 9,
                CollectionInterval = TimeSpan.FromMinutes(1),
                RemoteWriteHeaders = new Dictionary<string, string> { ["X-A"] = "hidden" },
            },
        };

        Assert.StartsWith(
            """{"cost_attribution":{},"metrics_generator":{"processors":["span-metrics"],"disable_collection":false,"collection_interval":"1m0s",""",
            Text(TenantLimits.Of(overrides)));
        Assert.DoesNotContain("hidden", Text(TenantLimits.Of(overrides)));
    }

    [Fact]
    public void Operators_have_set_a_field_when_it_is_not_as_without_them_processors_aside()
    {
        Assert.False(TenantLimits.IsSetIn(new TenantOverrides()));
        Assert.False(TenantLimits.IsSetIn(new TenantOverrides { MetricsGenerator = new MetricsGeneratorOverrides { Processors = ["span-metrics"], MaxActiveSeries = 4 } }));
        Assert.True(TenantLimits.IsSetIn(new TenantOverrides { MetricsGenerator = new MetricsGeneratorOverrides { DisableCollection = true } }));
        Assert.True(TenantLimits.IsSetIn(new TenantOverrides
        {
            MetricsGenerator = new MetricsGeneratorOverrides { Processor = new ProcessorOverrides { SpanMetrics = new SpanMetricsOverrides { EnableTargetInfo = false } } },
        }));
    }

    private static TenantLimits Parse(string json) => TenantLimits.TryParse(Encoding.UTF8.GetBytes(json), out var problems) ?? throw new ArgumentException(problems);

    private static string Text(TenantLimits limits) => Encoding.UTF8.GetString(limits.ToUtf8());

    private static string Items(int count, string item) => $"[{string.Join(',', Enumerable.Repeat(item, count))}]";

    private static string Texts(int count) => $"[{string.Join(',', Enumerable.Range(0, count).Select(i => $"\"d{i}\""))}]";

    private static string Numbers(int count) => $"[{string.Join(',', Enumerable.Range(1, count))}]";

    // A value at a path below metrics_generator; [0] makes a list of one.
    private static string At(string path, string value)
    {
        foreach (var part in path.Split('.').Reverse())
            value = part.EndsWith("[0]", StringComparison.Ordinal) ? $"{{\"{part[..^3]}\":[{value}]}}" : $"{{\"{part}\":{value}}}";
        return $"{{\"metrics_generator\":{value}}}";
    }
}
