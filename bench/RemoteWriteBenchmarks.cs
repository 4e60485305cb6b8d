using System.Diagnostics;
using BenchmarkDotNet.Attributes;
using OrleansTempo.Core.Generator;
using OrleansTempo.Core.RemoteWrite;

namespace OrleansTempo.Bench;

/// <summary>What a collection of 1,000,000 series costs to encode and compress, and what of it is the compression.</summary>
[MemoryDiagnoser]
public class RemoteWriteBenchmarks
{
    private SyntheticSeries _series = new(0);
    private byte[][] _raw = [];
    private byte[] _target = [];

    /// <summary>Of each entity's 15 buckets; a busy one has as many as it has buckets that grow.</summary>
    [Params(0, 4)]
    public int ExemplarsPerEntity { get; set; }

    /// <summary>Encodes and compresses a few times, the first of them cold, and prints the CPU seconds it took, and bytes before and after.</summary>
    internal static void PrintOneCollection(TextWriter output)
    {
        foreach (var exemplars in (int[])[0, 4])
        {
            var benchmarks = new RemoteWriteBenchmarks { _series = new SyntheticSeries(1_000_000, exemplars) };
            for (var round = 0; round < 5; round++)
                benchmarks.PrintOnce(output, exemplars);
        }
    }
    [GlobalSetup]
    public void Setup()
    {
        _series = new SyntheticSeries(1_000_000, ExemplarsPerEntity);
        _raw = [.. Requests().Select(r => IronSnappy.Snappy.Decode(r.Body.Span))];
        _target = new byte[SnappyBlock.MaxCompressedLength(_raw.Max(r => r.Length))];
    }

    /// <summary>The whole of it.</summary>
    [Benchmark(Baseline = true)]
    public int EncodeAndCompress() => Requests().Count;

    /// <summary>The same bytes through our compressor alone.</summary>
    [Benchmark]
    public long CompressOnly()
    {
        long bytes = 0;
        foreach (var raw in _raw)
            bytes += SnappyBlock.Compress(raw, _target);
        return bytes;
    }

    /// <summary>The same bytes through the library, for comparison.</summary>
    [Benchmark]
    public long CompressOnlyIronSnappy()
    {
        long bytes = 0;
        foreach (var raw in _raw)
            bytes += IronSnappy.Snappy.Encode(raw).Length;
        return bytes;
    }

    private void PrintOnce(TextWriter output, int exemplars)
    {
        using var process = Process.GetCurrentProcess();
        var allocatedBefore = GC.GetTotalAllocatedBytes(precise: true);
        var before = process.TotalProcessorTime;
        var requests = Requests();
        process.Refresh();
        var cpu = process.TotalProcessorTime - before;
        var allocated = GC.GetTotalAllocatedBytes(precise: true) - allocatedBefore;
        output.WriteLine($"{_series.Count:N0} series, {exemplars} exemplars an entity: {cpu.TotalSeconds:F3} s CPU, {requests.Count:N0} requests, "
            + $"{requests.Sum(r => (long)r.RawBytes) / 1e6:F1} MB raw, {requests.Sum(r => (long)r.Body.Length) / 1e6:F1} MB compressed, {allocated / 1e6:F1} MB allocated");
    }

    private IReadOnlyList<RemoteWriteRequest> Requests()
    {
        using var encoder = new WriteRequestEncoder(new EncodingSettings(), SyntheticSeries.TimestampMs);
        _series.Visit(encoder);
        return encoder.Finish();
    }
}
