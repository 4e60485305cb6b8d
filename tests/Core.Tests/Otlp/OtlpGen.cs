using FsCheck;
using FsCheck.Fluent;
using Google.Protobuf;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Tests.Otlp;

namespace OrleansTempo.Core.Tests.Otlp;

/// <summary>Arbitrary OTLP requests, as FsCheck generators over the protobuf classes.</summary>
internal static class OtlpGen
{
    private static readonly Gen<string> s_text = Gen.Elements(
        "", "a", "service.name", "GET /cart/{id}", "naïve ☕ \U0001F600", new string('x', 127), new string('y', 128), new string('z', 300), "db.name");

    private static readonly Gen<ByteString> s_bytes =
        from length in Gen.Elements(0, 1, 7, 8, 16, 17)
        from bytes in Gen.Choose(0, 255).ArrayOf(length)
        select ByteString.CopyFrom([.. bytes.Select(b => (byte)b)]);

    private static readonly Gen<ulong> s_time =
        from high in Gen.Choose(0, int.MaxValue)
        from low in Gen.Choose(0, int.MaxValue)
        select ((ulong)high << 32) | (uint)low;

    private static readonly Gen<long> s_int = Gen.Elements(0L, 1, -1, 127, 128, 300, long.MaxValue, long.MinValue);

    public static Gen<ExportTraceServiceRequest> Request =>
        from resourceSpans in ResourceSpans.ListOf(3).Or(ResourceSpans.ListOf())
        select new ExportTraceServiceRequest { ResourceSpans = { resourceSpans } };

    /// <summary>Requests whose spans have valid IDs and belong to a few traces, with an occasional duplicate ID.</summary>
    public static Gen<ExportTraceServiceRequest> RequestWithValidIds =>
        from request in Request
        from seed in Gen.Choose(0, int.MaxValue)
        select WithValidIds(request, new Random(seed));

    private static ExportTraceServiceRequest WithValidIds(ExportTraceServiceRequest request, Random random)
    {
        foreach (var span in request.ResourceSpans.SelectMany(static r => r.ScopeSpans).SelectMany(static s => s.Spans))
        {
            var ids = TestBatch.Span(new TraceId((ulong)random.Next(2), (ulong)random.Next(1, 5)), (ulong)random.Next(1, 40) << (8 * random.Next(7)));
            span.TraceId = ids.TraceId;
            span.SpanId = ids.SpanId;
            if (random.Next(3) == 0)
                span.ParentSpanId = TestBatch.SpanId((ulong)random.Next(1, 40));
            if (random.Next(4) == 0)
                span.EndTimeUnixNano = span.StartTimeUnixNano + ((ulong)random.Next(1000) * 1_000_000);
        }

        return request;
    }

    private static Gen<ResourceSpans> ResourceSpans =>
        from attributes in Attributes
        from scopes in Scope.ListOf(2)
        from schema in s_text
        from hasResource in Gen.Elements(true, true, false)
        select new ResourceSpans
        {
            Resource = hasResource ? new Resource { Attributes = { attributes }, DroppedAttributesCount = 3 } : null,
            ScopeSpans = { scopes },
            SchemaUrl = schema,
        };

    private static Gen<ScopeSpans> Scope =>
        from spans in Span.ListOf(2).Or(Gen.Constant(new List<Span>()))
        from attributes in Attributes
        from name in s_text
        select new ScopeSpans { Scope = new InstrumentationScope { Name = name, Attributes = { attributes } }, Spans = { spans } };

    private static Gen<Span> Span =>
        from ids in s_bytes.Three()
        from texts in s_text.Three()
        from times in s_time.Two()
        from kind in Gen.Elements(0, 1, 2, 3, 4, 5, 17, -1)
        from status in Gen.Elements(0, 1, 2, 9)
        from attributes in Attributes
        from eventAttributes in Attributes
        from hasStatus in Gen.Elements(true, false)
        select new Span
        {
            TraceId = ids.Item1,
            SpanId = ids.Item2,
            ParentSpanId = ids.Item3,
            Name = texts.Item1,
            TraceState = texts.Item2,
            Kind = (Span.Types.SpanKind)kind,
            StartTimeUnixNano = times.Item1,
            EndTimeUnixNano = times.Item2,
            Attributes = { attributes },
            Events = { new Span.Types.Event { Name = texts.Item3, TimeUnixNano = times.Item1, Attributes = { eventAttributes } } },
            Links = { new Span.Types.Link { TraceId = ids.Item1, SpanId = ids.Item2, Flags = 257 } },
            Status = hasStatus ? new Status { Code = (Status.Types.StatusCode)status, Message = texts.Item3 } : null,
            Flags = 256,
            DroppedEventsCount = 70000,
        };

    private static Gen<List<KeyValue>> Attributes =>
        from attributes in Attribute(3).ListOf(3).Or(Gen.Constant(new List<KeyValue>()))
        select attributes.ToList();

    private static Gen<KeyValue> Attribute(int depth) =>
        from key in s_text
        from value in Value(depth)
        select new KeyValue { Key = key, Value = value };

    private static Gen<AnyValue?> Value(int depth)
    {
        var scalars = Gen.OneOf(
            Gen.Constant<AnyValue?>(null),
            Gen.Constant<AnyValue?>(new AnyValue()),
            s_text.Select(AnyValue? (t) => new AnyValue { StringValue = t }),
            Gen.Elements(true, false).Select(AnyValue? (b) => new AnyValue { BoolValue = b }),
            s_int.Select(AnyValue? (i) => new AnyValue { IntValue = i }),
            Gen.Elements(0, 1.5, -0.0, 1e300, double.NaN, double.PositiveInfinity, 1e-7).Select(AnyValue? (d) => new AnyValue { DoubleValue = d }),
            s_bytes.Select(AnyValue? (b) => new AnyValue { BytesValue = b }));
        if (depth == 0)
            return scalars;
        return Gen.OneOf(
            scalars,
            scalars,
            Value(depth - 1).ListOf(2).Select(AnyValue? (v) => new AnyValue { ArrayValue = new ArrayValue { Values = { v.Select(x => x ?? new AnyValue()) } } }),
            Attribute(depth - 1).ListOf(2).Select(AnyValue? (v) => new AnyValue { KvlistValue = new KeyValueList { Values = { v } } }));
    }
}
