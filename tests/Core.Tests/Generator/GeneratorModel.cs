using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Google.Protobuf;
using OrleansTempo.Core.Configuration.Generator;
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
/// Computes what a tenant's generator should produce in the slow and obvious way: decoded requests, strings and dictionaries, one
/// entry per series. It knows the contract of the generator but not its implementation, so the two can be compared. Series never
/// end here, and there are no limits.
/// </summary>
internal sealed class GeneratorModel(GeneratorSettings settings, string tenant)
{
    private const string Edges = "tempo_metrics_generator_processor_service_graphs_edges";
    private const string DroppedEdges = "tempo_metrics_generator_processor_service_graphs_dropped_edges_total";

    private static readonly string[] s_intrinsic = ["service", "span_name", "span_kind", "status_code", "status_message"];
    private static readonly string[] s_intrinsicOfTargetInfo = [.. s_intrinsic, "job", "instance"];

    private readonly List<Waiting> _waiting = [];
    private readonly Dictionary<string, double> _series = [];
    private readonly Dictionary<string, (string TraceId, double Value)> _exemplars = [];
    private readonly Dictionary<string, double> _counters = [];

    /// <summary>Every series as Prometheus prints it, and its value.</summary>
    public IReadOnlyDictionary<string, double> Series => _series;

    /// <summary>The last trace in a bucket since the last collection, by the series of the bucket.</summary>
    public IReadOnlyDictionary<string, (string TraceId, double Value)> Exemplars => _exemplars;

    /// <summary>The generator's own counters, named as <see cref="MetricValues"/> names them.</summary>
    public IReadOnlyDictionary<string, double> Counters => _counters;

    /// <summary>The waiting sides, and those remembered as dropped.</summary>
    public int WaitingEdges => _waiting.Count;

    private long WaitMs => (long)settings.ServiceGraphs.Wait.TotalMilliseconds;

    public void Push(ExportTraceServiceRequest request, long nowMs)
    {
        var nowNanos = nowMs * 1e6m;
        var slackNanos = (decimal)settings.IngestionTimeRangeSlack.TotalMilliseconds * 1e6m;
        var accepted = new List<(Resource Resource, Span Span)>();
        foreach (var resourceSpans in request.ResourceSpans)
        {
            foreach (var span in resourceSpans.ScopeSpans.SelectMany(s => s.Spans))
            {
                Count("tempo_metrics_generator_spans_received_total");
                if (Math.Abs(span.EndTimeUnixNano - nowNanos) <= slackNanos)
                    accepted.Add((resourceSpans.Resource ?? new Resource(), span));
                else
                    Count("tempo_metrics_generator_spans_discarded_total{outside_metrics_ingestion_slack,all}");
            }
        }

        if (settings.SpanMetricsEnabled)
        {
            foreach (var (resource, span) in accepted)
                SpanMetrics(resource, span);
        }

        if (settings.HostInfoEnabled)
        {
            foreach (var resource in accepted.Select(a => a.Resource).Distinct(ReferenceEqualityComparer.Instance).Cast<Resource>())
                HostInfo(resource);
        }

        if (settings.ServiceGraphsEnabled)
        {
            Expire(nowMs);
            foreach (var (resource, span) in accepted)
                ServiceGraph(resource, span, nowMs);
        }
    }

    /// <summary>What a collection does before it looks at the series.</summary>
    public void BeforeCollection(long nowMs) => Expire(nowMs);

    public void AfterCollection() => _exemplars.Clear();

    private void SpanMetrics(Resource resource, Span span)
    {
        var options = settings.SpanMetrics;
        if (!Passes(options.FilterPolicies, resource, span))
        {
            Count("tempo_metrics_generator_spans_discarded_total{span_metrics_filtered,span-metrics}");
            return;
        }

        var service = Find("service.name", resource.Attributes) ?? "";
        var serviceNamespace = Find("service.namespace", resource.Attributes) ?? "";
        var instance = options.EnableInstanceLabel ? Find("service.instance.id", resource.Attributes) ?? "" : "";
        var job = service == "" ? "" : serviceNamespace == "" ? service : serviceNamespace + "/" + service;

        var labels = new List<(string Name, string Value)>();
        if (options.IntrinsicDimensions.Service)
            labels.Add(("service", service));
        if (options.IntrinsicDimensions.SpanName)
            labels.Add(("span_name", span.Name));
        if (options.IntrinsicDimensions.SpanKind)
            labels.Add(("span_kind", KindName(span)));
        if (options.IntrinsicDimensions.StatusCode)
            labels.Add(("status_code", StatusName(span)));
        if (options.IntrinsicDimensions.StatusMessage)
            labels.Add(("status_message", span.Status?.Message ?? ""));
        foreach (var dimension in options.Dimensions)
            labels.Add((Sanitize(dimension, s_intrinsic), Find(dimension, resource.Attributes, span.Attributes) ?? ""));
        foreach (var mapping in options.DimensionMappings)
        {
            var values = mapping.SourceLabels.Select(s => Find(s, resource.Attributes, span.Attributes)).Where(v => !string.IsNullOrEmpty(v));
            labels.Add((Sanitize(mapping.Name, s_intrinsic), string.Join(mapping.Join, values)));
        }

        if (options.EnableTargetInfo)
        {
            if (job != "")
                labels.Add(("job", job));
            if (instance != "")
                labels.Add(("instance", instance));
        }

        var multiplier = Multiplier(options.SpanMultiplierKey, options.EnableTracestateSpanMultiplier, resource, span);
        var set = LabelSet(labels);
        if (settings.SpanMetricsCount)
            Add("traces_spanmetrics_calls_total", set, multiplier);
        if (settings.SpanMetricsLatency)
            Observe("traces_spanmetrics_latency", options.HistogramBuckets, set, Seconds(span), multiplier, TraceId(span));
        if (settings.SpanMetricsSize)
            Add("traces_spanmetrics_size_total", set, Size(span));
        if (options.EnableTargetInfo)
            TargetInfo(resource, job, instance);
    }

    private void TargetInfo(Resource resource, string job, string instance)
    {
        var others = resource.Attributes
            .Where(a => a.Key != "" && !char.IsAsciiDigit(a.Key[0]))
            .Where(a => a.Key is not ("service.name" or "service.namespace" or "service.instance.id"))
            .Where(a => !settings.SpanMetrics.TargetInfoExcludedDimensions.Contains(a.Key))
            .Select(a => (Sanitize(a.Key, s_intrinsicOfTargetInfo), Text(a.Value)));
        var identity = new[] { ("job", job), ("instance", instance) }.Where(l => l.Item2 != "").ToList();
        var set = LabelSet([.. others, .. identity], hasBuckets: false);
        if (identity.Count > 0 && set.Count > identity.Count)
            Set("traces_target_info", set);
    }

    private void HostInfo(Resource resource)
    {
        var host = settings.HostInfo.HostIdentifiers
            .SelectMany(i => resource.Attributes.Where(a => a.Key == i))
            .FirstOrDefault(a => a.Value?.ValueCase == AnyValue.ValueOneofCase.StringValue && a.Value.StringValue != "");
        if (host is not null)
            Set(settings.HostInfo.MetricName, LabelSet([("grafana_host_id", host.Value.StringValue), ("host_source", host.Key)], hasBuckets: false));
    }

    private void ServiceGraph(Resource resource, Span span, long nowMs)
    {
        var options = settings.ServiceGraphs;
        var service = Find("service.name", resource.Attributes);
        var isClient = span.Kind is Kind.Client or Kind.Producer;
        var isServer = span.Kind is Kind.Server or Kind.Consumer;
        if (string.IsNullOrEmpty(service) || (!isClient && !isServer))
            return;

        var id = isClient ? span.SpanId : span.ParentSpanId;
        var key = $"{TraceId(span)}-{(IsNone(id) ? "" : Hex(id))}";
        var isRoot = isServer && IsNone(id);
        if (!Passes(options.FilterPolicies, resource, span))
        {
            Count("tempo_metrics_generator_spans_discarded_total{service_graphs_filtered,service-graphs}");
            if (!isRoot)
                DropSide(key, isClient, nowMs);
            return;
        }

        var side = new Side
        {
            Service = service,
            Kind = span.Kind,
            Seconds = Seconds(span),
            StartNanos = span.StartTimeUnixNano,
            EndNanos = span.EndTimeUnixNano,
            Failed = StatusName(span) == "STATUS_CODE_ERROR",
            Peer = options.PeerAttributes.Select(p => Find(p, span.Attributes)).FirstOrDefault(v => v is not null) ?? "",
            IsDatabase = isClient && options.DatabaseNameAttributes.Any(d => Find(d, resource.Attributes, span.Attributes) is not null),
            Dimensions = [.. options.Dimensions.Select(d => Find(d, resource.Attributes, span.Attributes) ?? "")],
        };
        var multiplier = Multiplier(options.SpanMultiplierKey, options.EnableTracestateSpanMultiplier, resource, span);
        if (isRoot)
        {
            Count(Edges);
            Complete("virtual_node", null, side, side.Peer == "" ? "user" : side.Peer, service, 0, side.Seconds, multiplier, TraceId(span), "client");
            return;
        }

        var waiting = _waiting.SingleOrDefault(w => w.Key == key);
        if (waiting is { IsDropped: true } && waiting.IsClient != isClient)
        {
            Count(DroppedEdges);
            return;
        }

        // A dropped side says nothing about another span in its place.
        if (waiting is { IsDropped: true })
        {
            _waiting.Remove(waiting);
            waiting = null;
        }

        var known = waiting?.IsClient == isClient ? waiting.Side : null;
        var other = waiting is not null && waiting.IsClient != isClient ? waiting.Side : null;
        side.Failed |= known?.Failed ?? false;
        var database = isClient ? Database(resource, span) : "";
        if (other is null && database == "")
        {
            if (known is not null)
            {
                waiting!.Side = side;
                waiting.Multiplier = multiplier;
            }
            else if (_waiting.Count >= options.MaxItems)
            {
                Count("tempo_metrics_generator_processor_service_graphs_dropped_spans");
            }
            else
            {
                Count(Edges);
                _waiting.Add(new Waiting { Key = key, IsClient = isClient, ExpiresMs = nowMs + WaitMs, TraceId = TraceId(span), Side = side, Multiplier = multiplier });
            }

            return;
        }

        if (waiting is null)
            Count(Edges);
        else
            _waiting.Remove(waiting);
        var client = isClient ? side : other!;
        var server = isClient ? other : side;
        if (database != "")
        {
            Complete("database", client, server, client.Service, database, side.Seconds, side.Seconds, multiplier, TraceId(span));
            return;
        }

        var type = client.Kind == Kind.Producer || server!.Kind == Kind.Consumer ? "messaging_system" : "";
        Complete(type, client, server, client.Service, server!.Service, client.Seconds, server.Seconds, multiplier, TraceId(span));
    }

    private void DropSide(string key, bool isClient, long nowMs)
    {
        var waiting = _waiting.SingleOrDefault(w => w.Key == key);
        if (waiting is not null)
        {
            if (waiting.IsClient == isClient && !waiting.IsDropped)
                return;
            if (waiting.IsClient != isClient && waiting.IsDropped)
                return;
            if (!waiting.IsDropped)
                Count(DroppedEdges);
            _waiting.Remove(waiting);
        }

        if (_waiting.Count < settings.ServiceGraphs.MaxItems)
            _waiting.Add(new Waiting { Key = key, IsClient = isClient, ExpiresMs = nowMs + WaitMs });
    }

    /// <summary>The name of the database that a client span calls; empty for none.</summary>
    private string Database(Resource resource, Span span)
    {
        string? Named(string key) => Find(key, resource.Attributes, span.Attributes);

        var name = settings.ServiceGraphs.DatabaseNameAttributes.Select(Named).FirstOrDefault(v => v is not null);
        if (name is null)
            return "";
        var address = Named("network.peer.address");
        if (address is not null && Named("network.peer.port") is { } port)
            address += ":" + port;
        return Named("peer.service") ?? Named("server.address") ?? address ?? name;
    }

    private void Expire(long nowMs)
    {
        foreach (var waiting in _waiting.Where(w => w.ExpiresMs <= nowMs).ToList())
        {
            _waiting.Remove(waiting);
            if (waiting.Side is not { } side)
                continue;
            if (waiting.IsClient && side.Peer != "")
                Complete("virtual_node", side, null, side.Service, side.Peer, side.Seconds, side.IsDatabase ? side.Seconds : 0, waiting.Multiplier, waiting.TraceId, "server");
            else
                Count($"tempo_metrics_generator_processor_service_graphs_expired_edges{{SPAN_KIND_{side.Kind.ToString().ToUpperInvariant()}}}");
        }
    }

    private void Complete(string type, Side? client, Side? server, string clientName, string serverName, double clientSeconds, double serverSeconds, double multiplier, string traceId, string virtualNode = "")
    {
        var options = settings.ServiceGraphs;
        var labels = new List<(string Name, string Value)> { ("client", clientName), ("server", serverName), ("connection_type", type) };
        for (var i = 0; i < options.Dimensions.Count; i++)
        {
            var dimension = options.Dimensions[i];
            var ofClient = client?.Dimensions[i] ?? "";
            var ofServer = server?.Dimensions[i] ?? "";
            if (options.EnableClientServerPrefix)
                labels.AddRange([(Sanitize("client_" + dimension), ofClient), (Sanitize("server_" + dimension), ofServer)]);
            else
                labels.Add((Sanitize(dimension), ofClient == "" ? ofServer : ofClient));
        }

        if (options.EnableVirtualNodeLabel)
            labels.Add(("virtual_node", virtualNode));

        var set = LabelSet(labels);
        if (settings.ServiceGraphsRequest)
        {
            Add("traces_service_graph_request_total", set, multiplier);
            if ((client?.Failed ?? false) || (server?.Failed ?? false))
                Add("traces_service_graph_request_failed_total", set, multiplier);
        }

        if (settings.ServiceGraphsLatency)
        {
            Observe("traces_service_graph_request_server_seconds", options.HistogramBuckets, set, serverSeconds, multiplier, traceId);
            Observe("traces_service_graph_request_client_seconds", options.HistogramBuckets, set, clientSeconds, multiplier, traceId);
            if (options.EnableMessagingSystemLatencyHistogram && type == "messaging_system" && server!.StartNanos > client!.EndNanos)
            {
                var seconds = (server.StartNanos - client.EndNanos) / 1e9;
                Observe("traces_service_graph_request_messaging_system_seconds", options.HistogramBuckets, set, seconds, multiplier, traceId);
            }
        }

        if (settings.ServiceGraphsConnectionInfo)
            Set("traces_service_graph_connection_info", set);
    }

    private static double Multiplier(string key, bool tracestate, Resource resource, Span span)
    {
        if (tracestate && AdjustedCount(span.TraceState) is > 0 and var adjusted)
            return adjusted;
        if (key == "")
            return 1;
        var ratios = span.Attributes.Concat(resource.Attributes).Where(a => a.Key == key).Select(a => a.Value?.DoubleValue ?? 0);
        return ratios.Select(r => 1 / r).Where(m => m > 0 && double.IsFinite(m)).FirstOrDefault(1);
    }

    /// <summary>1 / the sampling probability of a span, rounded to a whole number by its random value if it has one; 0 if unknown.</summary>
    private static double AdjustedCount(string tracestate)
    {
        var ot = tracestate.Split(',').Select(v => v.Trim()).FirstOrDefault(v => v.StartsWith("ot=", StringComparison.Ordinal));
        var fields = (ot ?? "ot=")[3..].Split(';').Select(f => f.Split(':')).Where(f => f.Length == 2).ToDictionary(f => f[0], f => f[1]);
        if (!fields.TryGetValue("th", out var threshold) || !Regex.IsMatch(threshold, "^[0-9a-f]{1,14}$"))
            return 0;
        var whole = Math.Pow(2, 56);
        var count = whole / (whole - Convert.ToInt64(threshold.PadRight(14, '0'), 16));
        if (!fields.TryGetValue("rv", out var random))
            return count;
        return Convert.ToInt64(random, 16) / whole < count - Math.Floor(count) ? Math.Floor(count) + 1 : Math.Floor(count);
    }

    private static bool Passes(IReadOnlyList<FilterPolicyOptions> policies, Resource resource, Span span)
    {
        bool All(PolicyMatchOptions match) => match.Attributes.All(a => Holds(match.MatchType, a, resource, span));

        var included = policies.Select(p => p.Include).OfType<PolicyMatchOptions>().ToList();
        var includedAny = policies.Select(p => p.IncludeAny).OfType<PolicyMatchOptions>().ToList();
        if (policies.Select(p => p.Exclude).OfType<PolicyMatchOptions>().Any(All))
            return false;
        if (includedAny.Any(All))
            return true;
        return included.Count > 0 ? included.All(All) : includedAny.Count == 0;
    }

    private static bool Holds(PolicyMatchType type, PolicyAttributeOptions test, Resource resource, Span span)
    {
        bool Is(string value) => type == PolicyMatchType.Regex ? Regex.IsMatch(value, (string)test.Value) : value == (string)test.Value;

        switch (test.Key)
        {
            case "name":
                return Is(span.Name);
            case "kind":
                return Is(KindName(span));
            case "status":
                return Is(StatusName(span));
        }

        var (attributes, key) = test.Key.StartsWith("resource.", StringComparison.Ordinal)
            ? (resource.Attributes, test.Key["resource.".Length..])
            : (span.Attributes, test.Key["span.".Length..]);
        if (attributes.FirstOrDefault(a => a.Key == key) is not { } attribute)
            return false;

        // Go's getters give the zero value where the attribute is of another type, as C#'s do.
        var value = attribute.Value ?? new AnyValue();
        return test.Value switch
        {
            string => Is(value.StringValue),
            long number => number == value.IntValue,
            double number => number.Equals(value.DoubleValue),
            bool flag => flag == value.BoolValue,
            _ => throw new ArgumentException($"no filter by {test.Value}"),
        };
    }

    /// <summary>The first value of a key in several lists; null if none has it.</summary>
    private static string? Find(string key, params IEnumerable<KeyValue>[] attributes) =>
        attributes.SelectMany(a => a).FirstOrDefault(a => a.Key == key) is { } found ? Text(found.Value) : null;

    private static string Text(AnyValue? value) => value?.ValueCase switch
    {
        AnyValue.ValueOneofCase.StringValue => value.StringValue,
        AnyValue.ValueOneofCase.BoolValue => value.BoolValue ? "true" : "false",
        AnyValue.ValueOneofCase.IntValue => value.IntValue.ToString(CultureInfo.InvariantCulture),
        AnyValue.ValueOneofCase.DoubleValue => Plain(value.DoubleValue),
        AnyValue.ValueOneofCase.ArrayValue => "[" + string.Concat(value.ArrayValue.Values.Select(Text)) + "]",
        AnyValue.ValueOneofCase.KvlistValue => "{" + string.Concat(value.KvlistValue.Values.Select(v => v.Key + ":" + Text(v.Value))) + "}",
        _ => "",
    };

    private static string Plain(double value)
    {
        if (!double.IsFinite(value))
            return double.IsNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
        var parts = value.ToString("R", CultureInfo.InvariantCulture).Split('E');
        if (parts.Length == 1)
            return parts[0];
        var sign = parts[0].StartsWith('-') ? "-" : "";
        var mantissa = parts[0].TrimStart('-').Split('.');
        var fraction = mantissa.Length == 1 ? "" : mantissa[1];
        var digits = mantissa[0] + fraction;
        var point = mantissa[0].Length + int.Parse(parts[1], CultureInfo.InvariantCulture);
        if (point <= 0)
            return sign + "0." + new string('0', -point) + digits;
        return sign + (point >= digits.Length ? digits.PadRight(point, '0') : digits[..point] + "." + digits[point..]);
    }

    private static string Sanitize(string name, params string[] reserved)
    {
        var sanitized = Regex.Replace(name, "[\uD800-\uDBFF][\uDC00-\uDFFF]|[^a-zA-Z0-9_]", "_");
        if (sanitized == "" || char.IsAsciiDigit(sanitized[0]))
            sanitized = "_" + sanitized;
        return reserved.Contains(sanitized) ? "__" + sanitized : sanitized;
    }

    /// <summary>Cuts names and values. The last of several labels with one name counts; empty values and labels named like a bucket's are dropped.</summary>
    private SortedDictionary<string, string> LabelSet(IEnumerable<(string Name, string Value)> labels, bool hasBuckets = true)
    {
        var set = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in labels)
            set[Cut(name, settings.Registry.MaxLabelNameLength)] = Cut(value, settings.Registry.MaxLabelValueLength);
        foreach (var empty in set.Where(l => l.Value == "").ToList())
            set.Remove(empty.Key);
        if (hasBuckets)
            set.Remove("le");
        return set;
    }

    private static string Cut(string text, int maxBytes)
    {
        if (maxBytes == 0)
            return text;
        var cut = new StringBuilder();
        foreach (var rune in text.EnumerateRunes())
        {
            if (Encoding.UTF8.GetByteCount(cut.ToString() + rune) > maxBytes)
                break;
            cut.Append(rune);
        }

        return cut.ToString();
    }

    private string SeriesName(string metric, SortedDictionary<string, string> labels, string? le = null)
    {
        var all = new SortedDictionary<string, string>(labels, StringComparer.Ordinal);
        foreach (var (name, value) in settings.Registry.ExternalLabels)
            all[name] = value;
        if (settings.Registry.InjectTenantIdAs != "")
            all[settings.Registry.InjectTenantIdAs] = tenant;
        if (le is not null)
            all["le"] = le;
        return all.Count == 0 ? metric : metric + "{" + string.Join(",", all.Select(l => $"{l.Key}=\"{l.Value}\"")) + "}";
    }

    private void Add(string metric, SortedDictionary<string, string> labels, double value, string? le = null)
    {
        var series = SeriesName(metric, labels, le);
        _series[series] = _series.GetValueOrDefault(series) + value;
    }

    private void Set(string metric, SortedDictionary<string, string> labels) => _series[SeriesName(metric, labels)] = 1;

    private void Observe(string metric, IReadOnlyList<double> bounds, SortedDictionary<string, string> labels, double value, double multiplier, string traceId)
    {
        Add(metric + "_count", labels, multiplier);
        Add(metric + "_sum", labels, value * multiplier);
        foreach (var bound in bounds.Append(double.PositiveInfinity))
            Add(metric + "_bucket", labels, value <= bound ? multiplier : 0, Plain(bound));
        _exemplars[SeriesName(metric + "_bucket", labels, Plain(bounds.Append(double.PositiveInfinity).First(b => value <= b)))] = (traceId, value);
    }

    private void Count(string counter) => _counters[counter] = _counters.GetValueOrDefault(counter) + 1;

    private static double Seconds(Span span) =>
        span.StartTimeUnixNano > 0 && span.EndTimeUnixNano > span.StartTimeUnixNano ? (span.EndTimeUnixNano - span.StartTimeUnixNano) / 1e9 : 0;

    // Tempo's receiver leaves out a parent ID of zeros.
    private static int Size(Span span) => span.CalculateSize() - (span.ParentSpanId.Length == 8 && IsNone(span.ParentSpanId) ? 10 : 0);

    private static string KindName(Span span) => "SPAN_KIND_" + span.Kind.ToString().ToUpperInvariant();

    private static string StatusName(Span span) => "STATUS_CODE_" + (span.Status?.Code.ToString() ?? "Unset").ToUpperInvariant();

    private static string TraceId(Span span) => Hex(span.TraceId);

    private static string Hex(ByteString id) => Convert.ToHexStringLower(id.Span);

    private static bool IsNone(ByteString id) => id.All(b => b == 0);

    /// <summary>One side of an edge, from one span.</summary>
    private sealed class Side
    {
        public required string Service { get; init; }
        public required Kind Kind { get; init; }
        public required double Seconds { get; init; }
        public required ulong StartNanos { get; init; }
        public required ulong EndNanos { get; init; }
        public required bool Failed { get; set; }
        public required string Peer { get; init; }
        public required bool IsDatabase { get; init; }
        public required string[] Dimensions { get; init; }
    }

    /// <summary>One side of an edge that waits for the other, or one that a filter policy dropped.</summary>
    private sealed class Waiting
    {
        public required string Key { get; init; }
        public required bool IsClient { get; init; }
        public required long ExpiresMs { get; init; }
        public string TraceId { get; init; } = "";
        public Side? Side { get; set; }
        public double Multiplier { get; set; }

        public bool IsDropped => Side is null;
    }
}
