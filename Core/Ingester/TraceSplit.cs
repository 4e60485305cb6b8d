using System.Runtime.CompilerServices;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Ingester;

/// <summary>
/// Divides a batch among the ingester partitions by trace ID: the spans' indexes in the batch, grouped by partition and, within it, hardly ever with
/// two traces mixed, since the ingester looks up a trace only when it changes. Reused from batch to batch.
/// </summary>
public sealed class TraceSplit
{
    private const int BucketBits = 10;

    // Up to this many spans, sorting costs less than going through all buckets.
    private const int FewSpans = 64;

    /// <summary>The maximum number of partitions of a tenant.</summary>
    public const int MaxPartitions = 1 << BucketBits;

    private readonly int[] _bucketEnds = new int[MaxPartitions];
    private readonly int[] _partitionStarts = new int[MaxPartitions + 1];
    private ushort[] _buckets = [];
    private int[] _order = [];

    /// <summary>The partition that a trace belongs to: the same on every machine, and evenly distributed for any trace IDs.</summary>
    public static int PartitionOf(TraceId trace, int partitions) => PartitionOf(Bucket(trace), partitions);

    /// <summary>Divides the batch; every span must have a trace ID of 16 bytes.</summary>
    public void Split(SpanBatch batch, int partitions)
    {
        var spans = batch.Spans;
        var bytes = batch.Bytes;
        if (_order.Length < spans.Length)
        {
            _order = new int[spans.Length * 2];
            _buckets = new ushort[spans.Length * 2];
        }

        for (var i = 0; i < spans.Length; i++)
        {
            _buckets[i] = (ushort)Bucket(TraceId.Read(bytes.Slice(spans[i].TraceId.Offset, TraceId.Length)));
            _order[i] = i;
        }

        if (spans.Length <= FewSpans)
            SortFew(spans.Length);
        else
            SortByCounting(spans.Length);

        var partition = 0;
        for (var i = 0; i < spans.Length; i++)
        {
            for (var own = PartitionOf(_buckets[_order[i]], partitions); partition <= own; partition++)
                _partitionStarts[partition] = i;
        }

        for (; partition <= partitions; partition++)
            _partitionStarts[partition] = spans.Length;
    }

    /// <summary>The indexes in the batch of a partition's spans.</summary>
    public ReadOnlySpan<int> Spans(int partition) =>
        _order.AsSpan(_partitionStarts[partition], _partitionStarts[partition + 1] - _partitionStarts[partition]);

    private static int PartitionOf(int bucket, int partitions) => (bucket * partitions) >> BucketBits;

    private void SortFew(int count)
    {
        for (var i = 1; i < count; i++)
        {
            var span = _order[i];
            var place = i;
            for (; place > 0 && _buckets[_order[place - 1]] > _buckets[span]; place--)
                _order[place] = _order[place - 1];
            _order[place] = span;
        }
    }

    private void SortByCounting(int count)
    {
        var ends = _bucketEnds;
        Array.Clear(ends);
        foreach (var bucket in _buckets.AsSpan(0, count))
            ends[bucket]++;
        var end = 0;
        foreach (ref var bucket in ends.AsSpan())
        {
            var before = end;
            end += bucket;
            bucket = before;
        }

        for (var i = 0; i < count; i++)
            _order[ends[_buckets[i]]++] = i;
    }

    // The hash is the same on every silo and for ever, so it has no key: a client can send all its traces to one of its tenant's partitions. They are
    // then processed one after another, as with one partition, and cost no more; other tenants have partitions of their own.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Bucket(TraceId trace) => (int)(((trace.High ^ (trace.Low * 0x9E3779B97F4A7C15)) * 0xD1B54A32D192ED03) >> (64 - BucketBits));
}
