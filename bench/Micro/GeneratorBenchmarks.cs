using BenchmarkDotNet.Attributes;
using OrleansTempo.Bench.Load;
using OrleansTempo.Bench.Whole;
using OrleansTempo.Core;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Generator;
using OrleansTempo.Core.Generator.Registry;
using OrleansTempo.Core.Generator.SpanMetrics;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Overrides;

namespace OrleansTempo.Bench.Micro;

/// <summary>Measures reading a batch of the payload, and each processor on top of that; divide by 1000 for one span.</summary>
public class GeneratorBenchmarks
{
    private static readonly GeneratorSettings s_spanMetrics = new() { SpanMetricsCount = true, SpanMetricsLatency = true, SpanMetricsSize = true };
    private static readonly GeneratorSettings s_serviceGraphs = new() { ServiceGraphsRequest = true, ServiceGraphsLatency = true };

    private static readonly GeneratorSettings s_nativeToo = s_spanMetrics with { NativeHistograms = new() { Mode = HistogramMode.Both } };
    private static readonly GeneratorSettings s_nativeOnly = s_spanMetrics with { NativeHistograms = new() { Mode = HistogramMode.Native } };

    private readonly RequestMemory _memory = new(long.MaxValue);
    private byte[] _body = [];
    private SpanBatch? _batch;
    private TenantGenerator? _spanMetricsOnly, _nativeToo, _nativeOnly, _serviceGraphsOnly, _limitedLabels, _fewEntities;
    private RecentSpans? _recent;
    private int[] _positions = [];
    private long _nowMs;

    [GlobalSetup]
    public void Setup()
    {
        var body = new PayloadBody(PayloadTemplate.ReadFolder(Path.Combine(Repository.Root, "..", "shared", "otlp", "payload"), 1000)[0]);
        body.Refresh(new Random(1));
        _body = body.Bytes;
        _batch = Read();
        var now = new FrozenTime();
        _spanMetricsOnly = new TenantGenerator(TenantId.Single, s_spanMetrics, new TempoMetrics(), now);
        _nativeToo = new TenantGenerator(TenantId.Single, s_nativeToo, new TempoMetrics(), now);
        _nativeOnly = new TenantGenerator(TenantId.Single, s_nativeOnly, new TempoMetrics(), now);
        _serviceGraphsOnly = new TenantGenerator(TenantId.Single, s_serviceGraphs, new TempoMetrics(), now);
        _limitedLabels = new TenantGenerator(TenantId.Single, s_spanMetrics with { MaxCardinalityPerLabel = 1_000_000 }, new TempoMetrics(), now);
        _fewEntities = new TenantGenerator(TenantId.Single, s_spanMetrics with { LimiterType = LimiterType.Entity, MaxActiveEntities = 1 }, new TempoMetrics(), now);
        _positions = new int[_batch.Spans.Length];
        _recent = new RecentSpans { WindowMs = 10, Max = 1_000_000 };
        SpanMetrics();
        SpanMetricsWithNativeHistograms();
        SpanMetricsWithNativeHistogramsOnly();
        ServiceGraphs();
        LimitedLabels();
        FewEntities();
        if (_spanMetricsOnly.ActiveSeries == 0 || _nativeToo.ActiveSeries == 0 || _nativeOnly.ActiveSeries == 0 || _serviceGraphsOnly.ActiveSeries == 0)
            throw new InvalidOperationException("The payload's spans did not count.");
    }

    /// <summary>Reads 1000 spans, copied into a pooled buffer as in a receiver.</summary>
    [Benchmark]
    public int ReadBatch()
    {
        var batch = Read();
        var spans = batch.Spans.Length;
        batch.Release();
        return spans;
    }

    /// <summary>As <see cref="SpanMetrics"/>, with <c>max_cardinality_per_label</c> on and no label over the limit.</summary>
    [Benchmark]
    public void LimitedLabels() => _limitedLabels!.Push(_batch!);

    /// <summary>As <see cref="SpanMetrics"/>, but almost every span finds no room and counts in the overflow and in the demand.</summary>
    [Benchmark]
    public void FewEntities() => _fewEntities!.Push(_batch!);

    [Benchmark]
    public void SpanMetrics() => _spanMetricsOnly!.Push(_batch!);

    /// <summary>With <c>generate_native_histograms: both</c>.</summary>
    [Benchmark]
    public void SpanMetricsWithNativeHistograms() => _nativeToo!.Push(_batch!);

    [Benchmark]
    public void SpanMetricsWithNativeHistogramsOnly() => _nativeOnly!.Push(_batch!);

    /// <summary>Every edge of the batch is complete within the batch, so pushing it repeatedly leaves none waiting.</summary>
    [Benchmark]
    public void ServiceGraphs() => _serviceGraphsOnly!.Push(_batch!);

    /// <summary>The cost of <c>dedupe_window</c> if every span is new: the window ends with each batch, and the tables are as large as two batches need.</summary>
    [Benchmark]
    public int Dedupe()
    {
        for (var i = 0; i < _positions.Length; i++)
            _positions[i] = i;
        return _recent!.KeepNew(_batch!, _positions, _nowMs += 20);
    }

    private SpanBatch Read()
    {
        return SpanBatch.TryRead(_memory.Copy(_body), 2048, out var batch, out var error) ? batch : throw new InvalidOperationException(error.ToString());
    }

    // The clock stands still at the time of the batch, or its spans would leave the slack before the benchmark ends.
    private sealed class FrozenTime : TimeProvider
    {
        private readonly DateTimeOffset _now = DateTimeOffset.UtcNow;

        public override DateTimeOffset GetUtcNow() => _now;
    }
}
