using BenchmarkDotNet.Attributes;
using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Core.RemoteWrite.Messages;
using Snappier;

namespace OrleansTempo.Bench.Micro;

/// <summary>Measures encoding and compressing a collection of 1,000,000 series, and the compression alone.</summary>
[MemoryDiagnoser]
public class RemoteWriteBenchmarks
{
    private SyntheticSeries _series = new(0);
    private byte[][] _raw = [];
    private byte[] _target = [];

    /// <summary>The number of an entity's 15 buckets with an exemplar; a busy entity has one in every bucket that grows.</summary>
    [Params(0, 4)]
    public int ExemplarsPerEntity { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _series = new SyntheticSeries(1_000_000, ExemplarsPerEntity);
        _raw = [.. Requests().Select(r => Snappy.DecompressToArray(r.Body.Span))];
        _target = new byte[Snappy.GetMaxCompressedLength(_raw.Max(r => r.Length))];
    }

    /// <summary>Encodes and compresses as remote write 1.0.</summary>
    [Benchmark(Baseline = true)]
    public int EncodeAndCompress() => Requests().Count;

    /// <summary>Encodes and compresses as remote write 2.0.</summary>
    [Benchmark]
    public int EncodeAndCompressV2()
    {
        using var encoder = new WriteRequestV2Encoder(new EncodingSettings(), SyntheticSeries.TimestampMs);
        _series.Visit(encoder);
        return encoder.Finish().Count;
    }

    /// <summary>Only compresses the bytes of 1.0.</summary>
    [Benchmark]
    public long CompressOnly()
    {
        long bytes = 0;
        foreach (var raw in _raw)
            bytes += Snappy.Compress(raw, _target);
        return bytes;
    }

    private IReadOnlyList<RemoteWriteRequest> Requests()
    {
        using var encoder = new WriteRequestEncoder(new EncodingSettings(), SyntheticSeries.TimestampMs);
        _series.Visit(encoder);
        return encoder.Finish();
    }
}
