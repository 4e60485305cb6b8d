using BenchmarkDotNet.Attributes;
using OrleansTempo.Core;

namespace OrleansTempo.Bench.Micro;

/// <summary>Measures the hashes that find a place in a table: of bytes (keys of series, attributes), and of a trace ID with a span ID.</summary>
public class HashBenchmarks
{
    private const int Operations = 1000;

    private readonly byte[] _bytes = [.. Enumerable.Range(0, 4096).Select(static i => (byte)i)];

    [Params(8, 24, 80, 300)]
    public int Length { get; set; }

    [Benchmark(OperationsPerInvoke = Operations)]
    public ulong HashBytes()
    {
        ulong sum = 0;
        for (var i = 0; i < Operations; i++)
            sum += Utf8Hash.Of(_bytes.AsSpan((int)(sum & 15), Length));
        return sum;
    }

    [Benchmark(OperationsPerInvoke = Operations)]
    public ulong HashIds()
    {
        ulong sum = 0;
        for (var i = 0; i < Operations; i++)
            sum += Utf8Hash.Of(sum, 2, (ulong)i);
        return sum;
    }
}
