using Google.Protobuf;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Tests.Otlp;
using Kind = OrleansTempo.Tests.Otlp.Span.Types.SpanKind;

namespace OrleansTempo.Core.Tests.Generator.SpanMetrics;

public sealed class SpanMetricsTests
{
    private const string Get = """service="cart",span_kind="SPAN_KIND_SERVER",span_name="GET /",status_code="STATUS_CODE_UNSET" """;

    [Fact]
    public void A_span_counts_a_call_a_latency_and_a_size()
    {
        var bench = new GeneratorBench();
        var span = GeneratorBench.Span("GET /", Kind.Server, 1, seconds: 0.004);

        bench.Push("cart", span, GeneratorBench.Span("GET /", Kind.Server, 2, seconds: 20));

        var series = bench.Collect();
        Assert.Equal(2, series[Calls(Get)]);
        Assert.Equal(span.CalculateSize() * 2, series[$"traces_spanmetrics_size_total{{{Get.Trim()}}}"]);
        Assert.Equal(2, series[$"traces_spanmetrics_latency_count{{{Get.Trim()}}}"]);
        Assert.Equal(20.004, series[$"traces_spanmetrics_latency_sum{{{Get.Trim()}}}"], 1e-9);
        Assert.Equal(0, series[Bucket("0.002")]);
        Assert.Equal(1, series[Bucket("0.004")]);
        Assert.Equal(1, series[Bucket("16.384")]);
        Assert.Equal(2, series[Bucket("+Inf")]);

        static string Bucket(string le) => $$"""traces_spanmetrics_latency_bucket{le="{{le}}",{{Get.Trim()}}}""";
    }

    [Fact]
    public void A_span_that_ends_before_it_starts_has_no_latency()
    {
        var bench = new GeneratorBench();
        var span = GeneratorBench.Span("GET /", Kind.Server, 1);
        span.EndTimeUnixNano = bench.Time.NowNanos;
        span.StartTimeUnixNano = span.EndTimeUnixNano + 1_000_000_000;

        bench.Push("cart", span);

        Assert.Equal(0, bench.Collect()[$"traces_spanmetrics_latency_sum{{{Get.Trim()}}}"]);
    }

    [Fact]
    public void A_span_without_a_start_time_has_no_latency()
    {
        var bench = new GeneratorBench();
        var span = GeneratorBench.Span("GET /", Kind.Server, 1);
        span.EndTimeUnixNano = bench.Time.NowNanos;
        var request = new ExportTraceServiceRequest { ResourceSpans = { new ResourceSpans { Resource = new Resource(), ScopeSpans = { new ScopeSpans { Spans = { span } } } } } };
        request.ResourceSpans[0].Resource.Attributes.Add(GeneratorBench.Attribute("service.name", "cart"));

        bench.Push(request);

        var series = bench.Collect();
        Assert.Equal(1, series[Calls(Get)]);
        Assert.Equal(0, series[$"traces_spanmetrics_latency_sum{{{Get.Trim()}}}"]);
        Assert.Equal(1, series[$$"""traces_spanmetrics_latency_bucket{le="0.002",{{Get.Trim()}}}"""]);
    }

    [Fact]
    public void A_parent_ID_of_zeros_means_no_parent_and_takes_no_bytes()
    {
        var bench = new GeneratorBench();
        var span = GeneratorBench.Span("GET /", Kind.Server, 1);
        bench.Push("cart", span);
        var size = span.CalculateSize();
        span.ParentSpanId = ByteString.CopyFrom(new byte[8]);
        bench.Push("cart", span);
        span.ParentSpanId = ByteString.CopyFrom([.. new byte[7], 1]);
        bench.Push("cart", span);

        Assert.Equal((3 * size) + 10, bench.Collect()[$"traces_spanmetrics_size_total{{{Get.Trim()}}}"]);
    }

    [Fact]
    public void Spans_that_end_too_far_from_now_are_discarded_and_counted()
    {
        var bench = new GeneratorBench();
        var early = Ending(bench, TimeSpan.FromSeconds(-31));
        var late = Ending(bench, TimeSpan.FromSeconds(31));
        var just = Ending(bench, TimeSpan.FromSeconds(30));

        bench.Push("cart", early, late, just);

        Assert.Equal(1, bench.Collect()[Calls(Get)]);
        Assert.Equal(2, bench.Counters["tempo_metrics_generator_spans_discarded_total{outside_metrics_ingestion_slack,all}"]);

        static Span Ending(GeneratorBench bench, TimeSpan fromNow)
        {
            var span = GeneratorBench.Span("GET /", Kind.Server, 1);
            span.StartTimeUnixNano = 1;
            span.EndTimeUnixNano = bench.Time.NowNanos + (ulong)(long)fromNow.TotalNanoseconds;
            return span;
        }
    }

    [Fact]
    public void Intrinsic_dimensions_can_be_switched_one_by_one()
    {
        var bench = new GeneratorBench(s => s with
        {
            SpanMetrics = s.SpanMetrics with
            {
                IntrinsicDimensions = new IntrinsicDimensionsOptions { Service = false, SpanName = false, SpanKind = false, StatusCode = true, StatusMessage = true },
            },
        });
        var span = GeneratorBench.Span("GET /", Kind.Server, 1);
        span.Status = new Status { Code = Status.Types.StatusCode.Error, Message = "boom" };

        bench.Push("cart", span);

        Assert.Equal(1, bench.Collect()["""traces_spanmetrics_calls_total{status_code="STATUS_CODE_ERROR",status_message="boom"}"""]);
    }

    [Theory]
    [InlineData("text", "text")]
    [InlineData(-5, "-5")]
    [InlineData(true, "true")]
    [InlineData(0.0000015, "0.0000015")]
    [InlineData(1e21, "1000000000000000000000")]
    public void A_dimension_is_the_plain_value_of_the_attribute(object value, string label)
    {
        var bench = Dimensions("http.route");

        bench.Push("cart", GeneratorBench.Span("GET /", Kind.Server, 1, attributes: ("http.route", value)));

        Assert.Equal(1, bench.Collect()[Calls($"""http_route="{label}",{Get}""")]);
    }

    [Fact]
    public void Arrays_and_maps_are_joined_and_bytes_are_empty()
    {
        var bench = Dimensions("array", "map", "bytes");
        var array = new AnyValue { ArrayValue = new ArrayValue { Values = { new AnyValue { StringValue = "a" }, new AnyValue { IntValue = 1 } } } };
        var map = new AnyValue { KvlistValue = new KeyValueList { Values = { GeneratorBench.Attribute("k", "v"), GeneratorBench.Attribute("l", array) } } };

        bench.Push("cart", GeneratorBench.Span("GET /", Kind.Server, 1, attributes: [("array", array), ("map", map), ("bytes", new byte[] { 1 })]));

        Assert.Equal(1, bench.Collect()[Calls($$"""array="[a1]",map="{k:vl:[a1]}",{{Get}}""")]);
    }

    [Fact]
    public void The_resource_wins_over_the_span_and_the_first_of_equal_keys_counts()
    {
        var bench = Dimensions("where", "only.span");

        bench.Push(
            [("service.name", "cart"), ("where", "resource"), ("where", "second")],
            GeneratorBench.Span("GET /", Kind.Server, 1, attributes: [("where", "span"), ("only.span", "first"), ("only.span", "second")]));

        Assert.Equal(1, bench.Collect()[Calls($"""only_span="first",{Get.TrimEnd()},where="resource" """)]);
    }

    [Fact]
    public void An_attribute_that_sanitises_to_an_intrinsic_dimension_gets_underscores_in_front()
    {
        var bench = Dimensions("service", "span.name");

        bench.Push("cart", GeneratorBench.Span("GET /", Kind.Server, 1, attributes: [("service", "s"), ("span.name", "n")]));

        Assert.Equal(1, bench.Collect()[Calls($"""__service="s",__span_name="n",{Get}""")]);
    }

    [Fact]
    public void Of_two_dimensions_that_sanitise_alike_the_last_wins_and_an_empty_last_deletes()
    {
        var bench = Dimensions("deployment.environment", "deployment_environment");

        bench.Push(
            "cart",
            GeneratorBench.Span("GET /", Kind.Server, 1, attributes: [("deployment.environment", "a"), ("deployment_environment", "b")]),
            GeneratorBench.Span("GET /", Kind.Server, 2, attributes: [("deployment.environment", "c"), ("deployment_environment", "b")]),
            GeneratorBench.Span("GET /", Kind.Server, 3, attributes: [("deployment.environment", "a")]));

        var series = bench.Collect();
        Assert.Equal(2, series[Calls($"""deployment_environment="b",{Get}""")]);
        Assert.Equal(1, series[Calls(Get)]);
    }

    [Fact]
    public void A_mapping_joins_the_values_that_exist()
    {
        var bench = new GeneratorBench(s => s with
        {
            SpanMetrics = s.SpanMetrics with
            {
                DimensionMappings = [new DimensionMappingOptions { Name = "where", SourceLabels = ["region", "zone", "pod"], Join = "/" }],
            },
        });

        bench.Push("cart", GeneratorBench.Span("GET /", Kind.Server, 1, attributes: [("region", "eu"), ("zone", ""), ("pod", "p1")]));

        Assert.Equal(1, bench.Collect()[Calls($"""{Get.TrimEnd()},where="eu/p1" """)]);
    }

    [Fact]
    public void Target_info_carries_the_resource_and_job_and_instance_join_it()
    {
        var bench = new GeneratorBench(s => s with
        {
            SpanMetrics = s.SpanMetrics with { EnableTargetInfo = true, TargetInfoExcludedDimensions = ["secret"] },
        });

        bench.Push(
            [("service.name", "cart"), ("service.namespace", "shop"), ("service.instance.id", "cart-0"), ("k8s.pod.name", "p"), ("job", "mine"), ("1bad", "x"), ("", "y"), ("secret", "z"), ("empty", "")],
            GeneratorBench.Span("GET /", Kind.Server, 1));
        bench.Push([("service.name", "lonely")], GeneratorBench.Span("GET /", Kind.Server, 2));

        var series = bench.Collect();
        Assert.Equal(1, series[Calls($"""instance="cart-0",job="shop/cart",{Get}""")]);
        Assert.Equal(1, series["""traces_target_info{__job="mine",instance="cart-0",job="shop/cart",k8s_pod_name="p"}"""]);
        Assert.Equal(1, series["""traces_spanmetrics_calls_total{job="lonely",service="lonely",span_kind="SPAN_KIND_SERVER",span_name="GET /",status_code="STATUS_CODE_UNSET"}"""]);
        Assert.Single(series.Series, s => s.StartsWith("traces_target_info", StringComparison.Ordinal));
    }

    [Fact]
    public void Without_the_instance_label_only_job_remains()
    {
        var bench = new GeneratorBench(s => s with { SpanMetrics = s.SpanMetrics with { EnableTargetInfo = true, EnableInstanceLabel = false } });

        bench.Push([("service.name", "cart"), ("service.instance.id", "cart-0"), ("a", "b")], GeneratorBench.Span("GET /", Kind.Server, 1));

        var series = bench.Collect();
        Assert.Equal(1, series[Calls($"""job="cart",{Get}""")]);
        Assert.Equal(1, series["""traces_target_info{a="b",job="cart"}"""]);
    }

    [Fact]
    public void A_dimension_named_job_yields_to_the_job_label()
    {
        var bench = new GeneratorBench(s => s with { SpanMetrics = s.SpanMetrics with { EnableTargetInfo = true, Dimensions = ["job"] } });

        bench.Push("cart", GeneratorBench.Span("GET /", Kind.Server, 1, attributes: ("job", "a")), GeneratorBench.Span("GET /", Kind.Server, 2, attributes: ("job", "b")));
        bench.Push([("other", "x")], GeneratorBench.Span("GET /", Kind.Server, 3, attributes: ("job", "a")));

        var series = bench.Collect();
        Assert.Equal(2, series[Calls($"""job="cart",{Get}""")]);
        Assert.Equal(1, series["""traces_spanmetrics_calls_total{job="a",span_kind="SPAN_KIND_SERVER",span_name="GET /",status_code="STATUS_CODE_UNSET"}"""]);
    }

    [Fact]
    public void A_job_from_a_dimension_and_the_same_from_the_resource_are_one_series()
    {
        var bench = new GeneratorBench(s => s with
        {
            SpanMetrics = s.SpanMetrics with { EnableTargetInfo = true, Dimensions = ["job"], IntrinsicDimensions = new IntrinsicDimensionsOptions { Service = false } },
        });

        bench.Push("cart", GeneratorBench.Span("GET /", Kind.Server, 1));
        bench.Push([("other", "x")], GeneratorBench.Span("GET /", Kind.Server, 2, attributes: ("job", "cart")));

        Assert.Equal(2, bench.Collect()["""traces_spanmetrics_calls_total{job="cart",span_kind="SPAN_KIND_SERVER",span_name="GET /",status_code="STATUS_CODE_UNSET"}"""]);
    }

    [Fact]
    public void A_multiplier_applies_to_calls_and_latency_but_not_to_size()
    {
        var bench = new GeneratorBench(s => s with { SpanMetrics = s.SpanMetrics with { SpanMultiplierKey = "ratio" } });
        var span = GeneratorBench.Span("GET /", Kind.Server, 1, seconds: 0.5, attributes: ("ratio", 0.25));

        bench.Push("cart", span);

        var series = bench.Collect();
        Assert.Equal(4, series[Calls(Get)]);
        Assert.Equal(4, series[$"traces_spanmetrics_latency_count{{{Get.Trim()}}}"]);
        Assert.Equal(2, series[$"traces_spanmetrics_latency_sum{{{Get.Trim()}}}"]);
        Assert.Equal(span.CalculateSize(), series[$"traces_spanmetrics_size_total{{{Get.Trim()}}}"]);
    }

    [Fact]
    public void The_tracestate_wins_over_the_multiplier_attribute()
    {
        var bench = new GeneratorBench(s => s with { SpanMetrics = s.SpanMetrics with { SpanMultiplierKey = "ratio", EnableTracestateSpanMultiplier = true } });
        var sampled = GeneratorBench.Span("GET /", Kind.Server, 1, attributes: ("ratio", 0.1));
        sampled.TraceState = "vendor=x,ot=th:8";

        bench.Push("cart", sampled, GeneratorBench.Span("GET /", Kind.Server, 2, attributes: ("ratio", 0.1)));

        Assert.Equal(12, bench.Collect()[Calls(Get)]);
    }

    [Fact]
    public void A_span_with_labels_that_are_not_UTF8_is_discarded_and_counted()
    {
        var bench = new GeneratorBench();
        var request = new ExportTraceServiceRequest
        {
            ResourceSpans = { new ResourceSpans { ScopeSpans = { new ScopeSpans { Spans = { GeneratorBench.Span("bad name", Kind.Internal, 1) } } } } },
        };
        var span = request.ResourceSpans[0].ScopeSpans[0].Spans[0];
        span.EndTimeUnixNano = bench.Time.NowNanos;
        var bytes = request.ToByteArray();
        bytes[bytes.AsSpan().IndexOf("bad name"u8)] = 0xFF;

        bench.Push(bytes);

        Assert.Empty(bench.Collect().Series);
        Assert.Equal(1, bench.Counters["tempo_metrics_generator_spans_discarded_total{invalid_utf8,span-metrics}"]);
    }

    [Fact]
    public void Long_values_are_cut_between_characters()
    {
        var bench = new GeneratorBench(s => s with { Registry = s.Registry with { MaxLabelValueLength = 17 } });

        bench.Push("cart", GeneratorBench.Span("0123456789012345é-and-more", Kind.Server, 1), GeneratorBench.Span("0123456789012345é-or-less", Kind.Server, 2));

        Assert.Equal(2, bench.Collect()["""traces_spanmetrics_calls_total{service="cart",span_kind="SPAN_KIND_SERVER",span_name="0123456789012345",status_code="STATUS_CODE_UNSET"}"""]);
    }

    [Fact]
    public void Kinds_and_status_codes_cut_to_the_same_text_are_one_series()
    {
        var bench = new GeneratorBench(s => s with { Registry = s.Registry with { MaxLabelValueLength = 5 } });
        var failed = GeneratorBench.Span("GET /", Kind.Server, 1);
        failed.Status = new Status { Code = Status.Types.StatusCode.Error };

        bench.Push("cart", failed, GeneratorBench.Span("GET /", Kind.Internal, 2));

        Assert.Equal(2, bench.Collect()["""traces_spanmetrics_calls_total{service="cart",span_kind="SPAN_",span_name="GET /",status_code="STATU"}"""]);
    }

    [Fact]
    public void Spans_dropped_by_a_filter_policy_are_counted()
    {
        var exclude = new PolicyMatchOptions { MatchType = PolicyMatchType.Strict, Attributes = [new PolicyAttributeOptions { Key = "kind", Value = "SPAN_KIND_SERVER" }] };
        var bench = new GeneratorBench(s => s with { SpanMetrics = s.SpanMetrics with { FilterPolicies = [new FilterPolicyOptions { Exclude = exclude }] } });

        bench.Push("cart", GeneratorBench.Span("GET /", Kind.Server, 1), GeneratorBench.Span("work", Kind.Internal, 2));

        Assert.Single(bench.Collect().Series, s => s.StartsWith("traces_spanmetrics_calls_total", StringComparison.Ordinal));
        Assert.Equal(1, bench.Counters["tempo_metrics_generator_spans_discarded_total{span_metrics_filtered,span-metrics}"]);
    }

    [Fact]
    public void A_series_that_started_while_collection_was_disabled_starts_at_0_when_it_is_sent()
    {
        var bench = new GeneratorBench(s => s with { DisableCollection = true });
        bench.Push("cart", GeneratorBench.Span("GET /", Kind.Server, 1));
        bench.Collect();

        bench.Apply(s => s with { DisableCollection = false });

        Assert.NotEqual(0, bench.Collect().Samples[Calls(Get)].ZeroTimestampMs);
    }

    [Fact]
    public void Attributes_named_le_or_name_do_not_become_labels()
    {
        var bench = new GeneratorBench(s => s with
        {
            SpanMetrics = s.SpanMetrics with { Dimensions = ["le", "__name__"] },
            Registry = s.Registry with { ExternalLabels = new Dictionary<string, string> { ["le"] = "1" } },
        });

        bench.Push("cart", GeneratorBench.Span("GET /", Kind.Server, 1, attributes: [("le", "2"), ("__name__", "up")]), GeneratorBench.Span("GET /", Kind.Server, 2));

        var series = bench.Collect();
        Assert.Equal(2, series[Calls(Get)]);
        Assert.Equal(2, series[$"traces_spanmetrics_latency_bucket{{le=\"+Inf\",{Get.Trim()}}}"]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(8)]
    public void No_series_ever_has_a_label_name_that_Prometheus_refuses_or_a_duplicate_one(int maxLabelNameLength)
    {
        string[] names = ["2xx", "", "a.b", "-", "9", "é", "-_name__", "__name__", "le", "__name__.x", "\n", "a=\"b\"", "1.2.3"];
        var bench = new GeneratorBench(s => s with
        {
            HostInfoEnabled = true,
            ServiceGraphs = s.ServiceGraphs with { Dimensions = names, EnableClientServerPrefix = maxLabelNameLength == 1 },
            SpanMetrics = s.SpanMetrics with
            {
                EnableTargetInfo = true,
                Dimensions = names,
                DimensionMappings = [new DimensionMappingOptions { Name = "3rd", SourceLabels = ["a.b", "9"] }, new DimensionMappingOptions { Name = "", SourceLabels = ["9"] }],
            },
            Registry = s.Registry with { ExternalLabels = new Dictionary<string, string> { ["1st"] = "x", [""] = "y" }, InjectTenantIdAs = "0tenant", MaxLabelNameLength = maxLabelNameLength },
        });
        (string, object)[] attributes = [.. names.Select(static (name, i) => (name, (object)$"v{i}"))];

        bench.Push([("service.name", "web"), ("host.id", "h"), .. attributes], GeneratorBench.Span("a", Kind.Client, 1, attributes: attributes));
        bench.Push([("service.name", "cart"), .. attributes], GeneratorBench.Span("b", Kind.Server, 2, parent: 1, attributes: attributes));

        var series = bench.Collect().Series.ToList();
        Assert.True(series.Count > 50);
        foreach (var one in series)
        {
            var found = one[(one.IndexOf('{') + 1)..^1].Split(',').Select(static label => label[..label.IndexOf('=')]).ToList();
            Assert.All(found, static name => Assert.Matches("\\A[a-zA-Z_][a-zA-Z0-9_]*\\z", name));
            Assert.Equal(found.Distinct().Count(), found.Count);
            Assert.DoesNotContain("__name__", found);
        }

        if (maxLabelNameLength == 0)
            Assert.Contains(series, static one => one.StartsWith("traces_spanmetrics_calls_total", StringComparison.Ordinal) && one.Contains("_2xx=\"v0\"", StringComparison.Ordinal));
    }

    [Fact]
    public void Only_the_enabled_subprocessors_write_series()
    {
        var bench = new GeneratorBench(s => s with { SpanMetricsLatency = false, SpanMetricsSize = false, ServiceGraphsRequest = false, ServiceGraphsLatency = false });

        bench.Push("cart", GeneratorBench.Span("GET /", Kind.Server, 1));

        Assert.Equal([Calls(Get)], bench.Collect().Series);
    }

    private static string Calls(string labels) => $"traces_spanmetrics_calls_total{{{labels.Trim()}}}";

    private static GeneratorBench Dimensions(params string[] dimensions) => new(s => s with { SpanMetrics = s.SpanMetrics with { Dimensions = dimensions } });
}
