using BenchmarkDotNet.Attributes;
using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Core.RemoteWrite.Messages;
using Snappier;

namespace OrleansTempo.Bench.Micro;

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

    [GlobalSetup]
    public void Setup()
    {
        _series = new SyntheticSeries(1_000_000, ExemplarsPerEntity);
        _raw = [.. Requests().Select(r => Snappy.DecompressToArray(r.Body.Span))];
        _target = new byte[Snappy.GetMaxCompressedLength(_raw.Max(r => r.Length))];
    }

    /// <summary>The whole of it.</summary>
    [Benchmark(Baseline = true)]
    public int EncodeAndCompress() => Requests().Count;

    /// <summary>The whole of it, as remote write 2.0.</summary>
    [Benchmark]
    public int EncodeAndCompressV2()
    {
        using var encoder = new WriteRequestV2Encoder(new EncodingSettings(), SyntheticSeries.TimestampMs);
        _series.Visit(encoder);
        return encoder.Finish().Count;
    }

    /// <summary>The bytes of 1.0 through the compressor alone.</summary>
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
