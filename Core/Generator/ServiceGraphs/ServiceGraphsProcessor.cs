using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Generator.Limits;
using OrleansTempo.Core.Generator.Registry;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.Generator.SpanMetrics;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Overrides;

namespace OrleansTempo.Core.Generator.ServiceGraphs;

/// <summary>
/// <c>service-graphs</c>: pairs the client's and the server's span of a request into an edge, and counts edges.
/// <code>
///   CLIENT, PRODUCER ── own span ID ─────┐                ┌─ other side known ─► complete
///                                        ├─► edge store ──┤
///   SERVER, CONSUMER ── parent span ID ──┘                └─ wait ─► expired: virtual node, or dropped
///   CLIENT to a database ─► complete at once
///   SERVER without parent ─► complete at once; the client is "user" or the peer it names
/// </code>
/// </summary>
internal sealed class ServiceGraphsProcessor : ISpanProcessor
{
    private const string VirtualNodeLabel = "virtual_node";

    private static readonly byte[] s_user = "user"u8.ToArray();

    private static readonly string[] s_typeNames = [.. Enum.GetValues<ConnectionType>().Select(t => Encoding.UTF8.GetString(TypeName(t)))];

    private readonly GeneratorSettings _settings;
    private readonly SeriesRegistry _registry;
    private readonly GeneratorCounters _counters;
    private readonly SpanFilter _filter;
    private readonly SpanMultiplier _multiplier;
    private readonly AttributePicker _picker;
    private readonly ResourceValues _resource;
    private readonly int[] _foundInSpan;
    private readonly int _maxValueBytes;
    private readonly int[] _dimensions, _databaseNames, _peers;
    private readonly int _serviceName, _peerService, _serverAddress, _networkPeerAddress, _networkPeerPort;
    private readonly string[] _labels;
    private readonly bool[] _visible;
    private readonly bool _prefixed;
    private readonly int _requests = -1, _failed = -1, _connectionInfo = -1;
    private readonly HistogramSlots _serverSeconds = HistogramSlots.None, _clientSeconds = HistogramSlots.None, _messagingSeconds = HistogramSlots.None;
    private readonly int _seriesPerEntity;
    private readonly long _waitMs;
    private readonly KeyLimiter _limiter;
    private EdgeStore _edges;
    private TextTable _texts;

    private readonly KeyBuilder _key = new();
    private readonly KeyBuilder _side = new();
    private readonly ArrayBufferWriter<byte> _text = new();
    private readonly ArrayBufferWriter<byte> _database = new();
    private int _sideText = Edge.NoText;
    private int _newEdges, _filtered, _droppedSpans, _droppedEdges, _invalid;

    /// <param name="settings">The tenant's settings.</param>
    /// <param name="registry">Where its series live.</param>
    /// <param name="counters">The tenant's own metrics.</param>
    /// <param name="replaced">The processor that this one replaces. It adopts the series and, if the dimensions are the same, the waiting edges.</param>
    public ServiceGraphsProcessor(GeneratorSettings settings, SeriesRegistry registry, GeneratorCounters counters, ServiceGraphsProcessor? replaced)
    {
        _settings = settings;
        _registry = registry;
        _counters = counters;
        var options = settings.ServiceGraphs;
        _filter = new SpanFilter(options.FilterPolicies);
        _multiplier = new SpanMultiplier(options.SpanMultiplierKey, options.EnableTracestateSpanMultiplier);
        _waitMs = (long)options.Wait.TotalMilliseconds;
        _prefixed = options.EnableClientServerPrefix;

        _picker = new AttributePicker([
            "service.name", "peer.service", "server.address", "network.peer.address", "network.peer.port",
            .. options.Dimensions, .. options.DatabaseNameAttributes, .. options.PeerAttributes]);
        _maxValueBytes = registry.Options.MaxLabelValueLength;
        _resource = new ResourceValues(_picker, _maxValueBytes);
        _foundInSpan = new int[_picker.Count];
        _serviceName = _picker.IndexOf("service.name");
        _peerService = _picker.IndexOf("peer.service");
        _serverAddress = _picker.IndexOf("server.address");
        _networkPeerAddress = _picker.IndexOf("network.peer.address");
        _networkPeerPort = _picker.IndexOf("network.peer.port");
        _dimensions = [.. options.Dimensions.Select(_picker.IndexOf)];
        _databaseNames = [.. options.DatabaseNameAttributes.Select(_picker.IndexOf)];
        _peers = [.. options.PeerAttributes.Select(_picker.IndexOf)];
        _labels = Labels(options);
        _visible = registry.Visible(_labels);
        _limiter = new KeyLimiter(registry.Labels, _labels.Select((label, i) => new KeyColumn(registry.CutName(label), i == 2 ? s_typeNames : null)));

        var slots = new List<MetricSlot>();
        if (settings.ServiceGraphsRequest)
        {
            _requests = Add(MetricSlot.Counter("traces_service_graph_request_total"));
            _failed = Add(MetricSlot.Counter("traces_service_graph_request_failed_total"));
        }

        if (settings.ServiceGraphsLatency)
        {
            _serverSeconds = AddHistogram("traces_service_graph_request_server_seconds");
            _clientSeconds = AddHistogram("traces_service_graph_request_client_seconds");
            if (options.EnableMessagingSystemLatencyHistogram)
                _messagingSeconds = AddHistogram("traces_service_graph_request_messaging_system_seconds");
        }

        if (settings.ServiceGraphsConnectionInfo && registry.HasInfoMetrics)
            _connectionInfo = Add(MetricSlot.Gauge("traces_service_graph_connection_info"));

        // The series an edge starts with; failures and messaging latencies are added when they first occur.
        _seriesPerEntity = slots.Where((_, i) => i != _failed && i != _messagingSeconds.Classic && i != _messagingSeconds.Native).Sum(s => s.SeriesCount);
        Table = registry.AddTable(replaced?.Table, [.. slots]);

        (_edges, _texts) = (new EdgeStore(), new TextTable());
        if (replaced is not null)
            Restore(replaced.Waiting);

        int Add(MetricSlot slot)
        {
            slots.Add(slot);
            return slots.Count - 1;
        }

        HistogramSlots AddHistogram(string name) => HistogramSlots.Add(slots, name, options.HistogramBuckets, settings.NativeHistograms);
    }

    public EntityTable Table { get; }

    /// <summary>The edges that wait for their other side.</summary>
    public WaitingEdges Waiting => new(_settings.ServiceGraphs.Dimensions, _edges, _texts);

    public void Push(SpanBatch batch, ReadOnlySpan<int> spans, long nowMs)
    {
        Expire(nowMs);
        var all = batch.Spans;
        var resource = -1;
        var named = false;
        foreach (var position in spans)
        {
            ref readonly var span = ref all[position];
            if (span.Kind is not (SpanKind.Client or SpanKind.Server or SpanKind.Producer or SpanKind.Consumer))
                continue;
            if (span.Resource != resource)
            {
                resource = span.Resource;
                named = ReadResource(batch, resource);
            }

            if (named)
                Push(batch, span, nowMs);
        }

        ReleaseSide();
        Report();
    }

    /// <summary>Expires the edges that have waited long enough: some become edges to virtual nodes, the rest are counted as expired.</summary>
    public void Expire(long nowMs)
    {
        while (_edges.Oldest is var i and not EdgeStore.None)
        {
            ref var edge = ref _edges[i];
            if (edge.ExpiresAtMs > nowMs)
                break;
            if (edge.Side == EdgeSide.Client && edge.PeerText != Edge.NoText)
            {
                var client = new KeyReader(_texts[edge.SideText]);
                var service = client.ReadText();
                Complete(
                    new Completed(ConnectionType.VirtualNode, edge.TraceId)
                    {
                        Client = service,
                        ClientDimensions = client.Rest,
                        Server = _texts[edge.PeerText],
                        VirtualNode = "server",
                        Failed = edge.Failed,
                        ClientSeconds = edge.LatencySeconds,
                        ServerSeconds = edge.IsDatabase ? edge.LatencySeconds : 0,
                        Multiplier = edge.Multiplier,
                    },
                    nowMs);
            }
            else if (edge.Side is EdgeSide.Client or EdgeSide.Server)
            {
                _counters.ExpiredEdge(SpanEnumNames.Of(edge.Kind));
            }

            Release(i);
        }
    }

    /// <summary>Called with each collection: expires the edges that are due, and removes texts that no edge refers to.</summary>
    public void Tidy(long nowMs)
    {
        Expire(nowMs);
        Report();
        _texts.Sweep();
    }

    /// <summary>The key of an edge with exactly these labels; null if no edge can have them.</summary>
    public byte[]? KeyOf(LabelSet labels)
    {
        _key.Clear();
        for (var i = 0; i < _labels.Length; i++)
        {
            var value = _visible[i] ? labels.ValueOf(Encoding.UTF8.GetBytes(_registry.CutName(_labels[i]))) : default;
            if (i == 2)
                _key.Add(NumberOfType(value));
            else
                _key.Add(value);
        }

        var key = _key.Key.ToArray();
        return labels.Equals(LabelsOf(key)) ? key : null;
    }

    /// <summary>Restores the waiting edges of another processor or a snapshot, if they have the same dimensions.</summary>
    public void Restore(WaitingEdges waiting)
    {
        if (!waiting.Dimensions.SequenceEqual(_settings.ServiceGraphs.Dimensions))
            return;
        _edges = waiting.Edges;
        _texts = waiting.Texts;
    }

    /// <summary>Ends the processor's series with staleness markers.</summary>
    public void Remove() => _registry.RemoveTable(Table);

    private static string[] Labels(ServiceGraphsOptions options)
    {
        var labels = new List<string> { "client", "server", "connection_type" };
        foreach (var dimension in options.Dimensions)
        {
            if (options.EnableClientServerPrefix)
                labels.AddRange([LabelName.Sanitize("client_" + dimension), LabelName.Sanitize("server_" + dimension)]);
            else
                labels.Add(LabelName.Sanitize(dimension));
        }

        if (options.EnableVirtualNodeLabel)
            labels.Add(VirtualNodeLabel);
        return [.. labels];
    }

    private bool ReadResource(SpanBatch batch, int resource)
    {
        ReleaseSide();
        _resource.Read(batch, resource);
        _filter.BeginResource(batch, resource);
        _multiplier.BeginResource();
        var service = _resource.Value(batch, _serviceName);
        _side.Clear();
        _side.Add(Utf8Text.Cut(service, _maxValueBytes));
        return !service.IsEmpty;
    }

    private void Push(SpanBatch batch, in SpanRecord span, long nowMs)
    {
        var isClient = span.Kind is SpanKind.Client or SpanKind.Producer;
        var bytes = batch.Bytes;
        var parent = isClient ? default : ReadSpanId(bytes, span.ParentSpanId);
        var traceId = Exemplar.ReadTraceId(bytes[span.TraceId.Offset..]);
        if (!_filter.Takes(batch, span))
        {
            _filtered++;
            if (isClient)
                Drop(traceId, ReadSpanId(bytes, span.SpanId), EdgeSide.Client, nowMs);
            else if (parent != 0)
                Drop(traceId, parent, EdgeSide.Server, nowMs);
            return;
        }

        var weight = _multiplier.IsOne ? 1 : _multiplier.Of(batch, span);
        if (isClient || parent == 0 || _dimensions.Length > 0)
            _picker.Pick(bytes, batch.Attributes(span), _foundInSpan);
        if (_dimensions.Length > 0)
            AddDimensions(batch, span);

        if (isClient)
            PushClient(batch, span, traceId, ReadSpanId(bytes, span.SpanId), weight, nowMs);
        else if (parent == 0)
            PushRoot(batch, span, traceId, weight, nowMs);
        else
            PushServer(span, traceId, parent, weight, nowMs);
    }

    private void PushClient(SpanBatch batch, in SpanRecord span, UInt128 traceId, ulong spanId, double weight, long nowMs)
    {
        var own = new KeyReader(_side.Key);
        var client = own.ReadText();
        var other = _edges.Find(traceId, spanId);
        if (other != EdgeStore.None && _edges[other].Side == EdgeSide.DroppedServer)
        {
            _droppedEdges++;
            return;
        }

        other = WithoutDropped(other);
        var database = DatabaseName(batch, span, out var isDatabase);
        if (other == EdgeStore.None || _edges[other].Side != EdgeSide.Server)
        {
            if (database.IsEmpty)
            {
                Wait(other, span, EdgeSide.Client, traceId, spanId, PeerName(batch, span), weight, nowMs, isDatabase);
                return;
            }

            var again = other != EdgeStore.None;
            if (!again)
                _newEdges++;
            Complete(
                new Completed(ConnectionType.Database, traceId)
                {
                    Client = client,
                    ClientDimensions = own.Rest,
                    Server = database,
                    Failed = span.Status == StatusCode.Error || (again && _edges[other].Failed),
                    ClientSeconds = span.DurationSeconds,
                    ServerSeconds = span.DurationSeconds,
                    Multiplier = weight,
                },
                nowMs);
            if (again)
                Release(other);
            return;
        }

        ref var edge = ref _edges[other];
        var server = new KeyReader(_texts[edge.SideText]);
        var serverService = server.ReadText();
        Complete(
            new Completed(database.IsEmpty ? TypeOf(span.Kind, edge.Kind) : ConnectionType.Database, traceId)
            {
                Client = client,
                ClientDimensions = own.Rest,
                Server = database.IsEmpty ? serverService : database,
                ServerDimensions = server.Rest,
                Failed = edge.Failed || span.Status == StatusCode.Error,
                ClientSeconds = span.DurationSeconds,
                ServerSeconds = database.IsEmpty ? edge.LatencySeconds : span.DurationSeconds,
                MessagingSeconds = SecondsBetween(span.EndTimeUnixNano, edge.TimeUnixNano),
                Multiplier = weight,
            },
            nowMs);
        Release(other);
    }

    private void PushServer(in SpanRecord span, UInt128 traceId, ulong parent, double weight, long nowMs)
    {
        var other = _edges.Find(traceId, parent);
        if (other != EdgeStore.None && _edges[other].Side == EdgeSide.DroppedClient)
        {
            _droppedEdges++;
            return;
        }

        other = WithoutDropped(other);
        if (other == EdgeStore.None || _edges[other].Side != EdgeSide.Client)
        {
            Wait(other, span, EdgeSide.Server, traceId, parent, default, weight, nowMs);
            return;
        }

        ref var edge = ref _edges[other];
        var client = new KeyReader(_texts[edge.SideText]);
        var clientService = client.ReadText();
        var own = new KeyReader(_side.Key);
        Complete(
            new Completed(TypeOf(edge.Kind, span.Kind), traceId)
            {
                Client = clientService,
                ClientDimensions = client.Rest,
                Server = own.ReadText(),
                ServerDimensions = own.Rest,
                Failed = edge.Failed || span.Status == StatusCode.Error,
                ClientSeconds = edge.LatencySeconds,
                ServerSeconds = span.DurationSeconds,
                MessagingSeconds = SecondsBetween(edge.TimeUnixNano, span.StartTimeUnixNano),
                Multiplier = weight,
            },
            nowMs);
        Release(other);
    }

    // No client span can ever arrive for a span without a parent, so the edge does not wait.
    private void PushRoot(SpanBatch batch, in SpanRecord span, UInt128 traceId, double weight, long nowMs)
    {
        var peer = PeerName(batch, span);
        var own = new KeyReader(_side.Key);
        _newEdges++;
        Complete(
            new Completed(ConnectionType.VirtualNode, traceId)
            {
                Client = peer.IsEmpty ? s_user : peer,
                Server = own.ReadText(),
                ServerDimensions = own.Rest,
                VirtualNode = "client",
                Failed = span.Status == StatusCode.Error,
                ServerSeconds = span.DurationSeconds,
                Multiplier = weight,
            },
            nowMs);
    }

    // A dropped span of the same side says nothing about this one: it waits like any other, and as long.
    private int WithoutDropped(int known)
    {
        if (known == EdgeStore.None || _edges[known].Side is EdgeSide.Client or EdgeSide.Server)
            return known;
        Release(known);
        return EdgeStore.None;
    }

    /// <summary>
    /// Keeps one side until the other arrives. It replaces a waiting span of the same side, but keeps that span's failure.
    /// </summary>
    private void Wait(int known, in SpanRecord span, EdgeSide side, UInt128 traceId, ulong spanId, ReadOnlySpan<byte> peer, double weight, long nowMs, bool isDatabase = false)
    {
        if (known == EdgeStore.None)
        {
            if (_edges.Count >= _settings.ServiceGraphs.MaxItems)
            {
                _droppedSpans++;
                return;
            }

            _newEdges++;
            known = _edges.Add(traceId, spanId);
            _edges[known].ExpiresAtMs = nowMs + _waitMs;
        }
        else
        {
            ReleaseTexts(_edges[known]);
        }

        ref var edge = ref _edges[known];
        edge.Side = side;
        edge.Kind = span.Kind;
        edge.IsDatabase = isDatabase;
        edge.Failed |= span.Status == StatusCode.Error;
        edge.LatencySeconds = span.DurationSeconds;
        edge.TimeUnixNano = side == EdgeSide.Client ? span.EndTimeUnixNano : span.StartTimeUnixNano;
        edge.Multiplier = weight;
        edge.PeerText = peer.IsEmpty ? Edge.NoText : _texts.Acquire(peer);

        // Without dimensions all spans of a resource have the same side, which is looked up once.
        if (_sideText == Edge.NoText)
            _sideText = _texts.Acquire(_side.Key);
        _texts.AddReference(_sideText);
        edge.SideText = _sideText;
    }

    // A filter policy dropped one side, so the other side is dropped as well, whether it waits or is still to come.
    private void Drop(UInt128 traceId, ulong spanId, EdgeSide side, long nowMs)
    {
        var known = _edges.Find(traceId, spanId);
        if (known != EdgeStore.None)
        {
            var waiting = _edges[known].Side;
            if (waiting == side || (waiting == EdgeSide.DroppedClient && side == EdgeSide.Server) || (waiting == EdgeSide.DroppedServer && side == EdgeSide.Client))
                return;
            if (waiting is EdgeSide.Client or EdgeSide.Server)
                _droppedEdges++;
            Release(known);
        }

        if (_edges.Count >= _settings.ServiceGraphs.MaxItems)
            return;
        ref var edge = ref _edges[_edges.Add(traceId, spanId)];
        edge.Side = side == EdgeSide.Client ? EdgeSide.DroppedClient : EdgeSide.DroppedServer;
        edge.ExpiresAtMs = nowMs + _waitMs;
        edge.SideText = edge.PeerText = Edge.NoText;
    }

    private void Release(int i)
    {
        ReleaseTexts(_edges[i]);
        _edges.Remove(i);
    }

    private void ReleaseTexts(in Edge edge)
    {
        if (edge.SideText != Edge.NoText)
            _texts.Release(edge.SideText);
        if (edge.PeerText != Edge.NoText)
            _texts.Release(edge.PeerText);
    }

    private void ReleaseSide()
    {
        if (_sideText != Edge.NoText)
            _texts.Release(_sideText);
        _sideText = Edge.NoText;
    }

    private void AddDimensions(SpanBatch batch, in SpanRecord span)
    {
        ReleaseSide();
        var service = new KeyReader(_side.Key).ReadText().Length;
        _side.Truncate(sizeof(int) + service);
        foreach (var dimension in _dimensions)
            _side.Add(Utf8Text.Cut(Value(batch, span, dimension), _maxValueBytes));
    }

    private ReadOnlySpan<byte> Value(SpanBatch batch, in SpanRecord span, int name)
    {
        if (_resource.Has(name))
            return _resource.Value(batch, name);
        return _foundInSpan[name] is var s and >= 0 ? AttributeText.Get(batch.Bytes, batch.Attributes(span)[s], _text) : default;
    }

    private bool Has(int name) => _resource.Has(name) || _foundInSpan[name] >= 0;

    // The first peer attribute that the span itself has, empty or not.
    private ReadOnlySpan<byte> PeerName(SpanBatch batch, in SpanRecord span)
    {
        foreach (var name in _peers)
        {
            if (_foundInSpan[name] is var found and >= 0)
                return AttributeText.Get(batch.Bytes, batch.Attributes(span)[found], _text);
        }

        return default;
    }

    // Empty if the span is not a database request, because it has none of the database attributes, or if the attribute that names the database is empty.
    private ReadOnlySpan<byte> DatabaseName(SpanBatch batch, in SpanRecord span, out bool isDatabase)
    {
        var database = -1;
        foreach (var name in _databaseNames)
        {
            if (Has(name))
            {
                database = name;
                break;
            }
        }

        isDatabase = database >= 0;
        if (!isDatabase)
            return default;
        if (Has(_peerService))
            return Value(batch, span, _peerService);
        if (Has(_serverAddress))
            return Value(batch, span, _serverAddress);
        if (!Has(_networkPeerAddress))
            return Value(batch, span, database);
        if (!Has(_networkPeerPort))
            return Value(batch, span, _networkPeerAddress);

        _database.ResetWrittenCount();
        _database.Write(Utf8Text.Beginning(Value(batch, span, _networkPeerAddress), _maxValueBytes));
        _database.Write(":"u8);
        _database.Write(Utf8Text.Beginning(Value(batch, span, _networkPeerPort), _maxValueBytes));
        return _database.WrittenSpan;
    }

    private static ConnectionType TypeOf(SpanKind client, SpanKind server) =>
        client == SpanKind.Producer || server == SpanKind.Consumer ? ConnectionType.MessagingSystem : ConnectionType.Request;

    private static double SecondsBetween(ulong start, ulong end) => start != 0 && end > start ? (end - start) / 1e9 : 0;

    // 0 for none: a parent ID of only zeros means no parent, like an empty one.
    private static ulong ReadSpanId(ReadOnlySpan<byte> bytes, Slice id) =>
        id.Length == sizeof(ulong) ? BinaryPrimitives.ReadUInt64BigEndian(bytes[id.Offset..]) : 0;

    private void Complete(in Completed edge, long nowMs)
    {
        BuildKey(edge);
        var key = _limiter.IsOn ? _limiter.Limit(_key.Key) : _key.Key;
        var hash = Utf8Hash.Of(key);
        var entity = Table.Find(key, hash);
        if (entity is null)
        {
            entity = Table.Refuses(_seriesPerEntity, key, SlotsOf(edge)) ? Table.Overflow : NewEntity(key, hash);
            if (entity is null)
            {
                _invalid++;
                return;
            }
        }

        if (_requests >= 0)
        {
            Table.Count(entity, _requests, edge.Multiplier, nowMs);
            if (edge.Failed)
                Table.Count(entity, _failed, edge.Multiplier, nowMs);
        }

        if (_serverSeconds.IsThere)
        {
            Table.Observe(entity, _serverSeconds, edge.ServerSeconds, edge.Multiplier, edge.TraceId, nowMs);
            Table.Observe(entity, _clientSeconds, edge.ClientSeconds, edge.Multiplier, edge.TraceId, nowMs);
            if (_messagingSeconds.IsThere && HasMessagingSeconds(edge))
                Table.Observe(entity, _messagingSeconds, edge.MessagingSeconds, edge.Multiplier, edge.TraceId, nowMs);
        }

        if (_connectionInfo >= 0)
            Table.Set(entity, _connectionInfo, 1, nowMs);
    }

    // The metrics that Complete updates, as bits.
    private uint SlotsOf(in Completed edge)
    {
        var slots = RefusedDemand.AllSlots;
        if (_failed >= 0 && !edge.Failed)
            slots &= ~(1u << _failed);
        if (!HasMessagingSeconds(edge))
            slots &= ~_messagingSeconds.Bits;
        return slots;
    }

    private static bool HasMessagingSeconds(in Completed edge) => edge.Type == ConnectionType.MessagingSystem && edge.MessagingSeconds > 0;

    // One value per label, in the order of _labels. A label that another label hides is left empty, so that it does not tell edges apart.
    private void BuildKey(in Completed edge)
    {
        _key.Clear();
        AddValue(0, edge.Client);
        AddValue(1, edge.Server);
        _key.Add(_visible[2] ? (int)edge.Type : 0);
        var label = 3;
        var client = new KeyReader(edge.ClientDimensions);
        var server = new KeyReader(edge.ServerDimensions);
        for (var i = 0; i < _dimensions.Length; i++)
        {
            var clientValue = edge.ClientDimensions.IsEmpty ? default : client.ReadText();
            var serverValue = edge.ServerDimensions.IsEmpty ? default : server.ReadText();
            if (_prefixed)
            {
                AddValue(label++, clientValue);
                AddValue(label++, serverValue);
            }
            else
            {
                AddValue(label++, clientValue.IsEmpty ? serverValue : clientValue);
            }
        }

        if (_settings.ServiceGraphs.EnableVirtualNodeLabel)
        {
            AddValue(label, edge.VirtualNode switch
            {
                "client" => "client"u8,
                "server" => "server"u8,
                _ => default,
            });
        }
    }

    private void AddValue(int label, ReadOnlySpan<byte> value) =>
        _key.Add(_visible[label] ? Utf8Text.Cut(value, _maxValueBytes) : default);

    private Entity? NewEntity(ReadOnlySpan<byte> key, ulong hash) => LabelsOf(key) is { } labels ? Table.Add(key, hash, labels) : null;

    // Decodes all label values from the key; null if one of them is not UTF-8.
    private LabelSet? LabelsOf(ReadOnlySpan<byte> key)
    {
        var labels = new List<KeyValuePair<string, byte[]>>(_labels.Length);
        var reader = new KeyReader(key);
        for (var i = 0; i < _labels.Length; i++)
        {
            var value = i == 2 ? TypeName(reader.ReadNumber()) : reader.ReadText();
            if (!Utf8.IsValid(value))
                return null;
            if (!value.IsEmpty)
                labels.Add(new(_labels[i], value.ToArray()));
        }

        return _registry.WithExternalLabels(labels);
    }

    // A plain request if no other type has that name, since a plain request has no name.
    private int NumberOfType(ReadOnlySpan<byte> name)
    {
        foreach (var type in Enum.GetValues<ConnectionType>())
        {
            if (Utf8Text.Cut(TypeName(type), _maxValueBytes).SequenceEqual(name))
                return (int)type;
        }

        return name.SequenceEqual(_limiter.OverflowValue) ? KeyLimiter.OverflowNumber : (int)ConnectionType.Request;
    }

    private ReadOnlySpan<byte> TypeName(int number) => number == KeyLimiter.OverflowNumber ? _limiter.OverflowValue : TypeName((ConnectionType)number);

    private static ReadOnlySpan<byte> TypeName(ConnectionType type) => type switch
    {
        ConnectionType.MessagingSystem => "messaging_system"u8,
        ConnectionType.Database => "database"u8,
        ConnectionType.VirtualNode => "virtual_node"u8,
        _ => default,
    };

    private void Report()
    {
        _counters.Edges(_newEdges);
        _counters.Filtered(_filtered, GeneratorCounters.ServiceGraphs);
        _counters.Ignored(_multiplier.TakeIgnored(), Table.TakeOverflows(), GeneratorCounters.ServiceGraphs);
        _counters.DroppedSpans(_droppedSpans);
        _counters.DroppedEdges(_droppedEdges);
        _counters.InvalidUtf8(_invalid, GeneratorCounters.ServiceGraphs);
        _newEdges = _filtered = _droppedSpans = _droppedEdges = _invalid = 0;
    }

    /// <summary>An edge with both sides; its spans point into the request, the texts of the waiting edge, or the configuration.</summary>
    private readonly ref struct Completed(ConnectionType type, UInt128 traceId)
    {
        public ConnectionType Type { get; } = type;

        public UInt128 TraceId { get; } = traceId;

        public ReadOnlySpan<byte> Client { get; init; }

        public ReadOnlySpan<byte> ClientDimensions { get; init; }

        public ReadOnlySpan<byte> Server { get; init; }

        public ReadOnlySpan<byte> ServerDimensions { get; init; }

        /// <summary>The side that has no span of its own: <c>client</c>, <c>server</c>, or empty for none.</summary>
        public string VirtualNode { get; init; } = "";

        public bool Failed { get; init; }

        public double ClientSeconds { get; init; }

        public double ServerSeconds { get; init; }

        public double MessagingSeconds { get; init; }

        public double Multiplier { get; init; }
    }
}
