using BenchmarkDotNet.Attributes;
using OrleansTempo.Bench.Payload;
using OrleansTempo.Core;
using OrleansTempo.Core.Configuration.Ingester;
using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Ingester.Flush;
using OrleansTempo.Core.Ingester.Live;

namespace OrleansTempo.Bench.Micro;

/// <summary>Measures the ingesters of a tenant with a batch of 1000 spans; divide by 1000 for one span.</summary>
public class IngestBenchmarks
{
    private const int Partitions = 8;

    // 62,500 spans per partition: new values within a generation are rare, as in production.
    private const int Batches = 500;

    private readonly TraceSplit _split = new();
    private readonly Random _random = new(1);
    private PayloadBatch[] _batches = [];

    [GlobalSetup]
    public void Setup() => _batches = PayloadBatch.ReadFolder(PayloadBatch.UsualFolder);

    /// <summary>Splits a batch and pushes it into eight ingesters; in the end everything is cut and released. Includes making new trace IDs, about 2 %.</summary>
    [Benchmark(OperationsPerInvoke = Batches)]
    public void Ingest()
    {
        var liveTraces = new LiveTraceCount();
        var ingesters = new TraceIngester[Partitions];
        for (var i = 0; i < ingesters.Length; i++)
            ingesters[i] = new TraceIngester(TenantId.Single, liveTraces, new IngesterOptions(), TimeProvider.System);

        Refusals? refusals = null;
        for (var n = 0; n < Batches; n++)
        {
            var payload = _batches[n % _batches.Length];
            payload.Refresh(_random);
            _split.Split(payload.Batch, Partitions);
            for (var i = 0; i < ingesters.Length; i++)
                ingesters[i].Push(payload.Batch, _split.Spans(i), segment: 1, default, ref refusals);
        }

        foreach (var ingester in ingesters)
            ingester.Cut(CutReason.Everything)!.Release();
    }
}
