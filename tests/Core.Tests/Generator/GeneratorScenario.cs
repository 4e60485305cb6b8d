using System.Text;
using Google.Protobuf;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Generator.Registry;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Tests.Otlp;
using Span = OrleansTempo.Tests.Otlp.Span;

namespace OrleansTempo.Core.Tests.Generator;

/// <summary>
/// Random settings and events for a generator, drawn from a seed and from pools small enough that spans meet: few traces and span
/// IDs, attributes that the settings name, times near the edges of the slack.
/// </summary>
internal sealed record GeneratorScenario(GeneratorSettings Settings, IReadOnlyList<GeneratorScenario.Step> Steps)
{
    /// <summary>The base of a span's times until it is sent, in Unix nanoseconds.</summary>
    public const ulong Epoch = 1_000_000_000_000_000_000;

    private static readonly string[] s_services = ["cart", "shop", "bank"];
    private static readonly string[] s_dimensions =
        ["region", "http.method", "deployment.environment", "deployment_environment", "service", "span.name", "job", "instance", "client", "le", "größe.x", "2xx"];

    private static readonly string[] s_spanKeys =
        ["region", "http.method", "deployment.environment", "deployment_environment", "service", "span.name", "job", "client", "le", "größe.x", "ratio", "", "2xx"];

    private static readonly string[] s_peerKeys =
        ["peer.service", "db.name", "db.system", "db.namespace", "db.system.name", "server.address", "network.peer.address", "network.peer.port"];

    private static readonly string[] s_resourceKeys =
        ["service.namespace", "service.instance.id", "k8s.pod.name", "1digit", "", "job", "secret", "region", "http.method", "ratio", "db.system"];

    private static readonly string[] s_tracestates =
        ["", "", "", "ot=th:8", "ot=th:c", "ot=th:0", "v=1,ot=th:fd70a4", " ot=th:4;rv:00000000000000,v=1", "ot=rv:ffffffffffffff;th:4", "ot=th:xyz", "ot=rv:00112233445566", "v=1"];

    // A span's end, in nanoseconds from now; the slack is 30 s.
    private static readonly long[] s_ends =
        [0, 0, 0, 0, 0, -1, 5_000_000_000, -29_999_999_999, -30_000_000_000, -30_000_000_001, 30_000_000_000, 30_000_000_001, -3_600_000_000_000];

    private static readonly long[] s_durations =
        [0, -1_000_000, 1, 2_000_000, 2_000_001, 16_384_000_000, 100_000_000, 17_000_000_000, 300_000_000, 12_345_678];

    private static readonly int[] s_advances = [1, 400, 999, 1000, 1999, 2000, 5000, 10_000];

    public static GeneratorScenario Draw(int seed)
    {
        var random = new Random(seed);
        var settings = DrawSettings(random);
        var steps = new List<Step>();
        for (var i = random.Next(2, 14); i > 0; i--)
        {
            steps.Add(random.Next(10) switch
            {
                < 6 => new Step(Request: DrawRequest(random)),
                < 9 => new Step(AdvanceMs: Pick(random, s_advances)),
                _ => new Step(Collects: true),
            });
        }

        steps.Add(new Step(Collects: true));
        return new GeneratorScenario(settings, steps);
    }

    /// <summary>Smaller versions of the scenario, the boldest cuts first.</summary>
    public IEnumerable<GeneratorScenario> Smaller()
    {
        for (var length = Steps.Count / 2; length > 0; length /= 2)
        {
            for (var start = 0; start + length <= Steps.Count; start += length)
                yield return this with { Steps = [.. Steps.Take(start), .. Steps.Skip(start + length)] };
        }

        for (var i = 0; i < Steps.Count; i++)
        {
            if (Steps[i].Request is not { } request)
                continue;
            foreach (var smaller in Smaller(request))
                yield return this with { Steps = [.. Steps.Take(i), new Step(Request: smaller), .. Steps.Skip(i + 1)] };
        }
    }

    public override string ToString()
    {
        // A record prints all its options; those with their defaults are omitted.
        var text = new StringBuilder(Show(Settings));
        foreach (var step in Steps)
            text.Append('\n').Append(step.Request is { } request ? $"push {request}" : step.Collects ? "collect" : $"advance {step.AdvanceMs} ms");
        return text.ToString();
    }

    private static IEnumerable<ExportTraceServiceRequest> Smaller(ExportTraceServiceRequest request)
    {
        for (var r = 0; r < request.ResourceSpans.Count; r++)
        {
            yield return Cut(request, c => c.ResourceSpans.RemoveAt(r));
            for (var a = 0; a < request.ResourceSpans[r].Resource?.Attributes.Count; a++)
                yield return Cut(request, c => c.ResourceSpans[r].Resource.Attributes.RemoveAt(a));
            for (var s = 0; s < request.ResourceSpans[r].ScopeSpans.Count; s++)
            {
                var spans = request.ResourceSpans[r].ScopeSpans[s].Spans;
                for (var i = 0; i < spans.Count; i++)
                {
                    yield return Cut(request, c => c.ResourceSpans[r].ScopeSpans[s].Spans.RemoveAt(i));
                    for (var a = 0; a < spans[i].Attributes.Count; a++)
                        yield return Cut(request, c => c.ResourceSpans[r].ScopeSpans[s].Spans[i].Attributes.RemoveAt(a));
                }
            }
        }
    }

    private static ExportTraceServiceRequest Cut(ExportTraceServiceRequest request, Action<ExportTraceServiceRequest> cut)
    {
        var copy = request.Clone();
        cut(copy);
        return copy;
    }

    private static GeneratorSettings DrawSettings(Random random)
    {
        var parts = random.Next(3) == 0;
        return new GeneratorSettings
        {
            SpanMetricsCount = !parts || Half(random),
            SpanMetricsLatency = !parts || Half(random),
            SpanMetricsSize = !parts || Half(random),
            ServiceGraphsRequest = !parts || Half(random),
            ServiceGraphsLatency = !parts || Half(random),
            ServiceGraphsConnectionInfo = Half(random),
            SpanMetrics = new SpanMetricsOptions
            {
                Dimensions = Some(random, s_dimensions),
                DimensionMappings = DrawMappings(random),
                IntrinsicDimensions = new IntrinsicDimensionsOptions
                {
                    Service = random.Next(6) > 0,
                    SpanName = random.Next(6) > 0,
                    SpanKind = random.Next(6) > 0,
                    StatusCode = random.Next(6) > 0,
                    StatusMessage = Half(random),
                },
                EnableTargetInfo = Half(random),
                TargetInfoExcludedDimensions = Half(random) ? ["secret"] : [],
                EnableInstanceLabel = Half(random),
                SpanMultiplierKey = Half(random) ? "ratio" : "",
                EnableTracestateSpanMultiplier = Half(random),
                FilterPolicies = DrawPolicies(random),
                HistogramBuckets = Half(random) ? new SpanMetricsOptions().HistogramBuckets : [0.1, 1, 1e3],
            },
            ServiceGraphs = new ServiceGraphsOptions
            {
                Wait = TimeSpan.FromSeconds(Pick(random, 1, 2, 10)),
                MaxItems = Pick(random, 1, 2, 1000, 1000, 1000),
                Dimensions = Some(random, s_dimensions),
                EnableClientServerPrefix = Half(random),
                EnableMessagingSystemLatencyHistogram = Half(random),
                EnableVirtualNodeLabel = Half(random),
                SpanMultiplierKey = Half(random) ? "ratio" : "",
                EnableTracestateSpanMultiplier = Half(random),
                FilterPolicies = DrawPolicies(random),
                PeerAttributes = Half(random) ? new ServiceGraphsOptions().PeerAttributes : ["server.address", "peer.service"],
                DatabaseNameAttributes = Half(random) ? new ServiceGraphsOptions().DatabaseNameAttributes : ["db.system"],
            },
            HostInfoEnabled = Half(random),
            HostInfo = new HostInfoOptions { HostIdentifiers = Half(random) ? ["k8s.pod.name", "job"] : ["region"], MetricName = Half(random) ? "traces_host_info" : "hosts" },
            Registry = new RegistryOptions
            {
                ExternalLabels = Pick(random, [], new Dictionary<string, string> { ["cluster"] = "west" }, new Dictionary<string, string> { ["region"] = "north", ["service"] = "all", ["host_source"] = "all" }),
                InjectTenantIdAs = Pick(random, "", "", "tenant", "cluster"),
                MaxLabelNameLength = Pick(random, 1024, 1024, 0, 6),
                MaxLabelValueLength = Pick(random, 2048, 2048, 0, 5),
            },
        };
    }

    private static IReadOnlyList<DimensionMappingOptions> DrawMappings(Random random) => random.Next(3) switch
    {
        0 => [new DimensionMappingOptions { Name = "where.is", SourceLabels = ["region", "k8s.pod.name", "deployment.environment"], Join = Pick(random, "/", "") }],
        1 => [new DimensionMappingOptions { Name = "status_code", SourceLabels = ["http.method"] }, new DimensionMappingOptions { Name = "all", SourceLabels = s_dimensions, Join = "," }],
        _ => [],
    };

    private static List<FilterPolicyOptions> DrawPolicies(Random random)
    {
        var policies = new List<FilterPolicyOptions>();
        for (var i = Math.Max(0, random.Next(5) - 2); i > 0; i--)
        {
            policies.Add(random.Next(3) switch
            {
                0 => new FilterPolicyOptions { Include = DrawMatch(random) },
                1 => new FilterPolicyOptions { IncludeAny = DrawMatch(random), Exclude = Half(random) ? DrawMatch(random) : null },
                _ => new FilterPolicyOptions { Exclude = DrawMatch(random) },
            });
        }

        return policies;
    }

    private static PolicyMatchOptions DrawMatch(Random random)
    {
        PolicyAttributeOptions Test(string key, object value) => new() { Key = key, Value = value };

        return random.Next(2) == 0
            ? new PolicyMatchOptions
            {
                MatchType = PolicyMatchType.Strict,
                Attributes = Some(
                    random,
                    Test("kind", "SPAN_KIND_SERVER"),
                    Test("kind", "SPAN_KIND_CLIENT"),
                    Test("status", "STATUS_CODE_UNSET"),
                    Test("name", "GET /"),
                    Test("resource.service.name", "cart"),
                    Test("span.region", "eu"),
                    Test("span.region", ""),
                    Test("span.http.method", 7L),
                    Test("span.http.method", 0L),
                    Test("span.ratio", 0.25),
                    Test("resource.region", true)),
            }
            : new PolicyMatchOptions
            {
                MatchType = PolicyMatchType.Regex,
                Attributes = Some(
                    random,
                    Test("kind", "SPAN_KIND_(SERVER|CLIENT)"),
                    Test("status", "OK|UNSET"),
                    Test("name", "^GET"),
                    Test("resource.service.name", "c.*t|bank"),
                    Test("span.region", "^(e|$)")),
            };
    }

    private static ExportTraceServiceRequest DrawRequest(Random random)
    {
        var request = new ExportTraceServiceRequest();
        for (var i = random.Next(1, 4); i > 0; i--)
        {
            var resourceSpans = new ResourceSpans();
            if (random.Next(12) > 0)
            {
                resourceSpans.Resource = new Resource();
                if (random.Next(10) > 0)
                    resourceSpans.Resource.Attributes.Add(new KeyValue { Key = "service.name", Value = random.Next(12) == 0 ? DrawValue(random) : new AnyValue { StringValue = Pick(random, s_services) } });
                AddAttributes(random, resourceSpans.Resource.Attributes, s_resourceKeys, random.Next(4));
            }

            for (var scopes = random.Next(1, 3); scopes > 0; scopes--)
            {
                var scope = new ScopeSpans();
                for (var spans = random.Next(4); spans > 0; spans--)
                    scope.Spans.Add(DrawSpan(random));
                resourceSpans.ScopeSpans.Add(scope);
            }

            request.ResourceSpans.Add(resourceSpans);
        }

        return request;
    }

    private static Span DrawSpan(Random random)
    {
        var end = Epoch + (ulong)Pick(random, s_ends);
        var span = new Span
        {
            TraceId = ByteString.CopyFrom([.. new byte[15], (byte)random.Next(1, 3)]),
            SpanId = ByteString.CopyFrom([.. new byte[7], (byte)random.Next(1, 4)]),
            ParentSpanId = random.Next(8) == 0 ? ByteString.Empty : ByteString.CopyFrom([.. new byte[7], (byte)random.Next(0, 4)]),
            TraceState = Pick(random, s_tracestates),
            Name = Pick(random, "GET /", "work", "", "größer als"),
            Kind = (Span.Types.SpanKind)random.Next(6),
            EndTimeUnixNano = end,
            StartTimeUnixNano = random.Next(12) == 0 ? 0 : end - (ulong)Pick(random, s_durations),
        };
        if (Half(random))
            span.Status = new Status { Code = (Status.Types.StatusCode)random.Next(3), Message = Pick(random, "", "too late") };
        AddAttributes(random, span.Attributes, s_spanKeys, random.Next(4));
        if (random.Next(3) == 0)
            AddAttributes(random, span.Attributes, s_peerKeys, random.Next(3));
        return span;
    }

    private static void AddAttributes(Random random, ICollection<KeyValue> attributes, string[] keys, int count)
    {
        for (; count > 0; count--)
        {
            var attribute = new KeyValue { Key = Pick(random, keys) };
            if (DrawValue(random) is { } value)
                attribute.Value = value;
            if (attribute.Key == "ratio" && random.Next(4) > 0)
                attribute.Value = new AnyValue { DoubleValue = Pick(random, 0.25, 0.5, 0.1, 0, -1) };
            attributes.Add(attribute);
        }
    }

    private static AnyValue? DrawValue(Random random) => random.Next(16) switch
    {
        0 => new AnyValue { StringValue = "" },
        1 => new AnyValue { IntValue = Pick(random, 7, 0, -12, long.MaxValue) },
        2 => new AnyValue { DoubleValue = Pick(random, 0.1, 1e21, 1.5e-7, -0.0, 3, 123456789.125, double.NaN, double.NegativeInfinity, 5e-324) },
        3 => new AnyValue { BoolValue = Half(random) },
        4 => new AnyValue { BytesValue = ByteString.CopyFromUtf8("bytes") },
        5 => new AnyValue { ArrayValue = new ArrayValue { Values = { new AnyValue { StringValue = "x" }, new AnyValue { IntValue = 2 }, new AnyValue() } } },
        6 => new AnyValue { KvlistValue = new KeyValueList { Values = { new KeyValue { Key = "k", Value = new AnyValue { DoubleValue = 0.5 } }, new KeyValue { Key = "n" } } } },
        7 => new AnyValue(),
        8 => null,
        9 => new AnyValue { StringValue = "größere Länge" },
        10 => new AnyValue { StringValue = "abcd😀" },
        _ => new AnyValue { StringValue = Pick(random, "eu", "us", "GET") },
    };

    private static bool Half(Random random) => random.Next(2) == 0;

    private static T Pick<T>(Random random, params T[] values) => values[random.Next(values.Length)];

    // Each item is equally likely, in any order; half of the time there is none.
    private static T[] Some<T>(Random random, params T[] values)
    {
        if (Half(random))
            return [];
        var some = values.Where(_ => random.Next(3) == 0).ToArray();
        random.Shuffle(some);
        return some;
    }

    private static string Show(object options)
    {
        var shown = new List<string>();
        var defaults = Activator.CreateInstance(options.GetType());
        foreach (var property in options.GetType().GetProperties().Where(p => p.CanWrite))
        {
            var value = property.GetValue(options);
            if (value is null || Equals(value, property.GetValue(defaults)))
                continue;
            var text = value switch
            {
                string or ValueType => value.ToString(),
                System.Collections.IDictionary map => "{" + string.Join(", ", map.Keys.Cast<object>().Select(k => $"{k}: {map[k]}")) + "}",
                System.Collections.IEnumerable list => "[" + string.Join(", ", list.Cast<object>().Select(i => i is string or ValueType ? i.ToString() : Show(i))) + "]",
                _ => Show(value),
            };
            if (text is not ("[]" or "{}"))
                shown.Add($"{property.Name}: {text}");
        }

        return "{" + string.Join(", ", shown) + "}";
    }

    /// <summary>One event: a request arrives, the clock advances, or series are collected.</summary>
    internal sealed record Step(ExportTraceServiceRequest? Request = null, int AdvanceMs = 0, bool Collects = false);
}
