using System.Diagnostics;
using System.Text;
using OrleansTempo.Core;
using OrleansTempo.Core.Configuration.Ingester;
using OrleansTempo.Core.Configuration.Overrides;
using OrleansTempo.Core.Generator;
using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Ingester.Flush;
using OrleansTempo.Core.Ingester.Live;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Core.Otlp.Json;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.TraceQL.Evaluation;
using OrleansTempo.Core.TraceQL.Syntax;

namespace OrleansTempo.Fuzz;

/// <summary>
/// Something that takes a client's bytes, and what it may cost: beyond a bound for every byte of them it fails, as it does with an exception. Coverage leads
/// the fuzzer to new paths, and the bounds say which of them are too dear.
/// </summary>
internal sealed class CostTarget(Action<byte[]> run)
{
    // What is there for any input: arrays of a batch, an ingester, a generator. Then 200 bytes for a byte, where ordinary spans take some 20: an empty span takes
    // 112 for two of its own, and arrays double.
    private const long AnyBytes = 1 << 20;
    private const long BytesPerByte = 200;

    // An instrumented build is some five times as slow, and the machine is shared. Ordinary spans take 5 ns a byte.
    private static readonly TimeSpan s_anyTime = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan s_timePerByte = TimeSpan.FromMicroseconds(2);

    private const int Attempts = 5;

    private static readonly GeneratorSettings s_settings = new()
    {
        SpanMetricsCount = true,
        SpanMetricsLatency = true,
        SpanMetricsSize = true,
        ServiceGraphsRequest = true,
        ServiceGraphsLatency = true,
        SpanNameSanitization = SpanNameSanitization.Enabled,
        SpanMetrics = new() { Dimensions = ["http.route", "k"], EnableTargetInfo = true },
        ServiceGraphs = new() { Dimensions = ["k"] },
    };

    public static CostTarget Of(string name) => name switch
    {
        "json" => new(ReadJson),
        "push" => new(Push),
        "traceql" => new(ParseQuery),
        _ => new(ReadProtobuf),
    };

    /// <summary>Runs it, and throws where it costs too much: what has been compiled or collected meanwhile does not happen five times.</summary>
    public void Check(byte[] body)
    {
        var cost = Measure(body);
        for (var i = 1; i < Attempts && IsTooMuch(body, cost); i++)
            cost = cost.Least(Measure(body));
        if (IsTooMuch(body, cost))
            throw new InvalidOperationException($"{body.Length} bytes: {cost}");
    }

    public Cost Measure(byte[] body)
    {
        var bytes = GC.GetAllocatedBytesForCurrentThread();
        var started = Stopwatch.GetTimestamp();
        run(body);
        return new Cost(GC.GetAllocatedBytesForCurrentThread() - bytes, Stopwatch.GetElapsedTime(started));
    }

    private static bool IsTooMuch(byte[] body, Cost cost) =>
        cost.AllocatedBytes > AnyBytes + (BytesPerByte * body.Length) || cost.Time > s_anyTime + (s_timePerByte * body.Length);

    private static void ReadProtobuf(byte[] body)
    {
        if (SpanBatch.TryRead(new RequestMemory(long.MaxValue).Copy(body), 64, out var batch, out _))
            batch.Release();
    }

    private static void ReadJson(byte[] body)
    {
        var output = new RequestMemory(long.MaxValue).Rent(body.Length);
        OtlpJsonReader.TryRead(body, output, out _);
        output.Return();
    }

    // Everything that is done to spans while their sender waits, and in the generator.
    private static void Push(byte[] body)
    {
        if (!SpanBatch.TryRead(new RequestMemory(long.MaxValue).Copy(body), 64, out var batch, out _))
            return;
        ValidIds.RemoveInvalid(batch);
        int[] all = [.. Enumerable.Range(0, batch.Spans.Length)];
        var ingester = new TraceIngester(TenantId.Single, new LiveTraceCount(), new IngesterOptions(), TimeProvider.System);
        Refusals? refusals = null;
        ingester.Push(batch, all, segment: 1, default, ref refusals);
        foreach (ref readonly var span in batch.Spans)
            ingester.Find(TraceId.Read(batch.Bytes.Slice(span.TraceId.Offset, TraceId.Length)), new TraceSpans(default));
        ingester.Cut(CutReason.Everything)?.Release();
        new TenantGenerator(TenantId.Single, s_settings, new TempoMetrics(), TimeProvider.System).Push(batch);
        batch.Release();
    }

    // Parsed, printed, parsed again and asked of a small trace.
    private static void ParseQuery(byte[] body)
    {
        if (!Query.TryParse(Encoding.UTF8.GetString(body), out var query, out _))
            return;
        var printed = query.ToString();
        if (!Query.TryParse(printed, out var again, out var error) ? printed.Length <= Query.MaxBytes / 3 : again.ToString() != printed)
            throw new InvalidOperationException($"{query} is printed as what means {again}, {error}");
        if (query.Search is { } pipeline)
            PipelineEvaluator.Evaluate(pipeline, new QueriedTrace(new TraceId(1, 2), [new QueriedSpan { Id = 1, Name = "a" }, new QueriedSpan { Id = 2, ParentId = 1 }]));
    }

    /// <summary>What one input took.</summary>
    internal readonly record struct Cost(long AllocatedBytes, TimeSpan Time)
    {
        public Cost Least(Cost other) => new(Math.Min(AllocatedBytes, other.AllocatedBytes), Time < other.Time ? Time : other.Time);

        public override string ToString() => FormattableString.Invariant($"{AllocatedBytes} bytes allocated, {Time.TotalMilliseconds:F2} ms");
    }
}
