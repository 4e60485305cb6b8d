using System.Diagnostics;
using BenchmarkDotNet.Attributes;
using OrleansTempo.Core.Generator;
using OrleansTempo.Core.RemoteWrite;

namespace OrleansTempo.Bench;

/// <summary>What a collection of 1,000,000 series costs to encode and compress, and what of it is the compression.</summary>
[MemoryDiagnoser]
public class RemoteWriteBenchmarks
{
    private readonly SyntheticSeries _series = new(1_000_000);
    private byte[][] _raw = [];
    private byte[] _target = [];

    /// <summary>Encodes and compresses once and prints the CPU seconds it took, and bytes before and after.</summary>
    internal static void PrintOneCollection(TextWriter output)
    {
        var benchmarks = new RemoteWriteBenchmarks();
        for (var round = 0; round < 8; round++)
        {
            var process = Process.GetCurrentProcess();
            var allocatedBefore = GC.GetTotalAllocatedBytes(precise: true);
            var before = process.TotalProcessorTime;
            var requests = benchmarks.Requests();
            process.Refresh();
            var cpu = process.TotalProcessorTime - before;
            var raw = requests.Sum(r => (long)r.RawBytes) / 1e6;
            var compressed = requests.Sum(r => (long)r.Body.Length) / 1e6;
            output.WriteLine($"{benchmarks._series.Count:N0} series: {cpu.TotalSeconds:F3} s CPU, {requests.Count:N0} requests, "
                + $"{raw:F1} MB raw, {compressed:F1} MB compressed, {(GC.GetTotalAllocatedBytes(precise: true) - allocatedBefore) / 1e6:F1} MB allocated");
        }
    }

    [GlobalSetup]
    public void Setup()
    {
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

    private IReadOnlyList<RemoteWriteRequest> Requests()
    {
        using var encoder = new WriteRequestEncoder(new EncodingSettings(), SyntheticSeries.TimestampMs);
        _series.Visit(encoder);
        return encoder.Finish();
    }
}
