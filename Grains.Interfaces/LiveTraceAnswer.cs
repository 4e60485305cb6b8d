using OrleansTempo.Core;
using OrleansTempo.Core.Blocks.Format;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Grains.Interfaces;

/// <summary>What a partition holds of a trace: its live spans, and the blocks that may hold more.</summary>
[GenerateSerializer, Immutable, Alias("orleanstempo.LiveTrace")]
internal sealed record LiveTraceAnswer
{
    [Id(0)]
    public LiveSpan[] Spans { get; init; } = [];

    /// <summary>The resources and scopes that the spans refer to, as in <see cref="FoundSpan"/>.</summary>
    [Id(1)]
    public byte[][] Envelopes { get; init; } = [];

    /// <summary>Bytes of OTLP protobuf inspected.</summary>
    [Id(2)]
    public long InspectedBytes { get; init; }

    /// <summary>The <c>meta.json</c> of blocks that not every silo has listed yet.</summary>
    [Id(3)]
    public LiveBlock[] Blocks { get; init; } = [];

    public static LiveTraceAnswer From(TraceSpans trace, IEnumerable<BlockMeta> blocks)
    {
        var envelopes = new List<byte[]>();
        var spans = new LiveSpan[trace.Spans.Count];
        var numbers = new EnvelopeTable<int>();
        for (var i = 0; i < spans.Length; i++)
        {
            var span = trace.Spans[i];
            spans[i] = new LiveSpan
            {
                SpanId = span.SpanId,
                Kind = span.Kind,
                StartTimeUnixNano = span.StartTimeUnixNano,
                Resource = Envelope(span.Resource),
                Scope = Envelope(span.Scope),
                Span = span.Span.ToArray(),
            };
        }

        return new LiveTraceAnswer
        {
            Spans = spans,
            Envelopes = [.. envelopes],
            InspectedBytes = trace.InspectedBytes,
            Blocks = [.. blocks.Select(static block => new LiveBlock { BlockId = block.BlockId, Meta = BlockMetaJson.Write(block).ToArray() })],
        };

        int Envelope(ReadOnlyMemory<byte> bytes)
        {
            if (numbers.TryGet(bytes, out var number))
                return number;
            numbers.Add(bytes, envelopes.Count);
            envelopes.Add(bytes.ToArray());
            return envelopes.Count - 1;
        }
    }

    public void AddTo(TraceSpans trace)
    {
        trace.InspectedBytes += InspectedBytes;
        foreach (var span in Spans)
        {
            trace.Add(new FoundSpan
            {
                SpanId = span.SpanId,
                Kind = span.Kind,
                StartTimeUnixNano = span.StartTimeUnixNano,
                Resource = Envelopes[span.Resource],
                Scope = Envelopes[span.Scope],
                Span = span.Span,
            });
        }
    }

    /// <summary>The blocks, except those whose meta is of a later version.</summary>
    public IEnumerable<BlockMeta> ReadBlocks(TenantId tenant)
    {
        foreach (var block in Blocks)
        {
            if (BlockMetaJson.TryRead(block.Meta, tenant, block.BlockId, out BlockMeta? meta, out _))
                yield return meta;
        }
    }
}
