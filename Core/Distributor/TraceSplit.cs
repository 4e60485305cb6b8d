using System.Runtime.CompilerServices;
using OrleansTempo.Core.Otlp;

namespace OrleansTempo.Core.Distributor;

/// <summary>
/// Divides a batch among the ingester partitions by trace ID: the spans' places in the batch, those of a partition together and,
/// within it, hardly ever two traces mixed, since the ingester looks up a trace only when it changes. Reused from batch to batch.
/// </summary>
public sealed class TraceSplit
{
    private const int BucketBits = 10;

    /// <summary>More partitions than this a tenant cannot have.</summary>
    public const int MaxPartitions = 1 << BucketBits;

    private readonly int[] _bucketEnds = new int[MaxPartitions];
    private ushort[] _buckets = [];
    private int[] _order = [];
    private int _partitions;

    /// <summary>Which of a tenant's partitions a trace belongs to: the same on every machine, and for any trace IDs about as many to each.</summary>
    public static int PartitionOf(TraceId trace, int partitions) => PartitionOf(Bucket(trace), partitions);

    /// <summary>Divides the batch; every span has a trace ID of 16 bytes.</summary>
    public void Split(SpanBatch batch, int partitions)
    {
        var spans = batch.Spans;
        var bytes = batch.Bytes;
        if (_order.Length < spans.Length)
        {
            _order = new int[spans.Length * 2];
            _buckets = new ushort[spans.Length * 2];
        }

        _partitions = partitions;
        var ends = _bucketEnds;
        Array.Clear(ends);
        for (var i = 0; i < spans.Length; i++)
        {
            var bucket = Bucket(TraceId.Read(bytes.Slice(spans[i].TraceId.Offset, TraceId.Length)));
            _buckets[i] = (ushort)bucket;
            ends[bucket]++;
        }

        var end = 0;
        for (var bucket = 0; bucket < ends.Length; bucket++)
        {
            var count = ends[bucket];
            ends[bucket] = end;
            end += count;
        }

        for (var i = 0; i < spans.Length; i++)
            _order[ends[_buckets[i]]++] = i;
    }

    /// <summary>The places in the batch of the spans of a partition.</summary>
    public ReadOnlySpan<int> Spans(int partition)
    {
        var start = FirstBucket(partition) is > 0 and var first ? _bucketEnds[first - 1] : 0;
        var end = FirstBucket(partition + 1) is > 0 and var next ? _bucketEnds[next - 1] : 0;
        return _order.AsSpan(start, end - start);
    }

    private static int PartitionOf(int bucket, int partitions) => (bucket * partitions) >> BucketBits;

    // The first bucket of a partition, by the inverse of PartitionOf.
    private int FirstBucket(int partition) => ((partition << BucketBits) + _partitions - 1) / _partitions;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Bucket(TraceId trace) => (int)(((trace.High ^ (trace.Low * 0x9E3779B97F4A7C15)) * 0xD1B54A32D192ED03) >> (64 - BucketBits));
}
