using System.Buffers;
using System.Runtime.InteropServices;
using Google.Protobuf;
using OrleansTempo.Core.Generator;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Tests.Otlp;
using Span = OrleansTempo.Tests.Otlp.Span;

namespace OrleansTempo.Core.Tests.Generator;

/// <summary>A tenant's generator with its own clock, into which tests push spans and from which they collect.</summary>
internal sealed class GeneratorBench
{
    private static readonly GeneratorSettings s_both = new()
    {
        SpanMetricsCount = true,
        SpanMetricsLatency = true,
        SpanMetricsSize = true,
        ServiceGraphsRequest = true,
        ServiceGraphsLatency = true,
    };

    private readonly TenantId _tenant;
    private readonly GeneratorShard _shard;

    public GeneratorBench(Func<GeneratorSettings, GeneratorSettings>? configure = null, string tenant = "single-tenant", GeneratorShard shard = default)
    {
        _shard = shard;
        Assert.True(TenantId.TryParse(tenant, out _tenant, out _));
        Settings = (configure ?? (s => s))(s_both);
        Counters = new MetricValues(Metrics);
        Generator = New();
    }

    public ManualTimeProvider Time { get; } = new();

    public TempoMetrics Metrics { get; } = new();

    public MetricValues Counters { get; }

    public GeneratorSettings Settings { get; private set; }

    public TenantGenerator Generator { get; private set; }

    public static Span Span(string name, Span.Types.SpanKind kind, byte id, byte parent = 0, double seconds = 0.01, byte trace = 1, params (string Key, object Value)[] attributes) => new()
    {
        TraceId = ByteString.CopyFrom([.. new byte[15], trace]),
        SpanId = ByteString.CopyFrom([.. new byte[7], id]),
        ParentSpanId = parent == 0 ? ByteString.Empty : ByteString.CopyFrom([.. new byte[7], parent]),
        Name = name,
        Kind = kind,
        EndTimeUnixNano = (ulong)(seconds * 1e9),
        Attributes = { attributes.Select(a => Attribute(a.Key, a.Value)) },
    };

    public static KeyValue Attribute(string key, object value) => new()
    {
        Key = key,
        Value = value switch
        {
            string text => new AnyValue { StringValue = text },
            int number => new AnyValue { IntValue = number },
            double number => new AnyValue { DoubleValue = number },
            bool flag => new AnyValue { BoolValue = flag },
            byte[] bytes => new AnyValue { BytesValue = ByteString.CopyFrom(bytes) },
            AnyValue any => any,
            _ => throw new ArgumentException($"no attribute of {value}"),
        },
    };

    public void Apply(Func<GeneratorSettings, GeneratorSettings> configure)
    {
        Settings = configure(Settings);
        Generator.Apply(Settings);
    }

    /// <summary>Creates another generator of the tenant with the same clock and settings, which has taken no spans yet.</summary>
    public TenantGenerator New() => new(_tenant, Settings, Metrics, Time, _shard);

    public byte[] Snapshot()
    {
        var output = new ArrayBufferWriter<byte>();
        Generator.WriteSnapshot(output);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>Hands everything to another generator, perhaps with other settings, and continues with that one.</summary>
    public void Restart(Func<GeneratorSettings, GeneratorSettings>? configure = null)
    {
        var snapshot = Snapshot();
        Settings = (configure ?? (s => s))(Settings);
        Generator = New();
        Assert.True(Generator.TryRestore(snapshot, out var reason), reason);
    }

    /// <summary>Continues with another generator, which has taken no spans yet.</summary>
    public TenantGenerator Renew() => Generator = New();

    /// <summary>Continues with another generator from what was recorded, as after a crash.</summary>
    public bool TryRestart(IReadOnlyList<ReadOnlyMemory<byte>> records, out string? reason) => Renew().TryRestore(records, 0, out reason);

    /// <summary>Pushes spans of one service; their times so far are durations, and their ends become now.</summary>
    public void Push(string service, params Span[] spans) => Push([("service.name", service)], spans);

    public void Push((string Key, object Value)[] resource, params Span[] spans)
    {
        foreach (var span in spans)
        {
            if (span.StartTimeUnixNano != 0)
                continue;
            var duration = span.EndTimeUnixNano;
            span.EndTimeUnixNano = Time.NowNanos;
            span.StartTimeUnixNano = Time.NowNanos - duration;
        }

        Push(new ExportTraceServiceRequest
        {
            ResourceSpans =
            {
                new ResourceSpans
                {
                    Resource = new Resource { Attributes = { resource.Select(a => Attribute(a.Key, a.Value)) } },
                    ScopeSpans = { new ScopeSpans { Spans = { spans } } },
                },
            },
        });
    }

    public void Push(ExportTraceServiceRequest request) => Push(request.ToByteArray());

    /// <param name="bytes">An <c>ExportTraceServiceRequest</c>.</param>
    /// <param name="takes">Selects its traces; null for all.</param>
    public void Push(byte[] bytes, Func<TraceId, bool>? takes = null)
    {
        Assert.True(SpanBatch.TryRead(new RequestMemory(long.MaxValue).Copy(bytes), 0, out var batch, out var error), error?.ToString());
        if (takes is null)
        {
            Generator.Push(batch);
        }
        else
        {
            var positions = new List<int>();
            for (var i = 0; i < batch.Spans.Length; i++)
            {
                if (takes(TraceId.Read(batch.Bytes.Slice(batch.Spans[i].TraceId.Offset, TraceId.Length))))
                    positions.Add(i);
            }

            Generator.Push(batch, CollectionsMarshal.AsSpan(positions));
        }

        batch.Release();
    }

    /// <summary>Collects a second after the last action.</summary>
    public Recorder Collect()
    {
        Time.Advance(TimeSpan.FromSeconds(1));
        var recorder = new Recorder();
        Generator.Collect(recorder);
        return recorder;
    }
}
