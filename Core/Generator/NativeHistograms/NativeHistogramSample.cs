using System.Runtime.InteropServices;
using OrleansTempo.Core.Generator.Samples;

namespace OrleansTempo.Core.Generator.NativeHistograms;

/// <summary>
/// Makes samples of native histograms as remote write carries them: buckets as runs, each count minus the one before it. A run
/// includes a few empty buckets rather than ending. The buffers are reused, so a sample is valid until the next one is made.
/// </summary>
internal sealed class NativeHistogramSample
{
    // The same as in Prometheus' own clients.
    private const int LongestGap = 2;

    private static readonly double s_staleMarker = BitConverter.Int64BitsToDouble(SeriesPoint.StaleMarkerBits);

    private readonly List<HistogramSpan> _spans = [];
    private readonly List<long> _deltas = [];
    private readonly List<HistogramExemplar> _exemplars = [];

    public NativeHistogramPoint Of(NativeHistogram histogram, ReadOnlySpan<Exemplar> exemplars, WallStamps stamps = default)
    {
        _spans.Clear();
        _deltas.Clear();
        var count = histogram.ZeroCount;
        var indices = histogram.Indices;
        var counts = histogram.Counts;
        var start = 0;
        var next = 0;
        var former = 0L;
        for (var i = 0; i < indices.Length; i++)
        {
            var gap = indices[i] - next;
            if (i == 0 || gap > LongestGap)
            {
                if (i > 0)
                    EndRun(next);
                start = indices[i];
                _spans.Add(new HistogramSpan(gap, 0));
            }
            else
            {
                for (; gap > 0; gap--)
                {
                    _deltas.Add(-former);
                    former = 0;
                }
            }

            _deltas.Add((long)counts[i] - former);
            former = (long)counts[i];
            count += counts[i];
            next = indices[i] + 1;
        }

        if (indices.Length > 0)
            EndRun(next);
        Take(exemplars, stamps);
        return new NativeHistogramPoint
        {
            Count = count,
            Sum = histogram.Sum,
            Schema = histogram.Schema,
            ZeroThreshold = NativeBuckets.ZeroThreshold,
            ZeroCount = histogram.ZeroCount,
            PositiveSpans = CollectionsMarshal.AsSpan(_spans),
            PositiveDeltas = CollectionsMarshal.AsSpan(_deltas),
            Exemplars = CollectionsMarshal.AsSpan(_exemplars),
        };

        void EndRun(int end) => _spans[^1] = _spans[^1] with { Length = end - start };
    }

    /// <summary>The last sample of a series that has gone stale.</summary>
    public static NativeHistogramPoint Stale(NativeHistogram histogram) => new()
    {
        Count = 0,
        Sum = s_staleMarker,
        Schema = histogram.Schema,
        ZeroThreshold = NativeBuckets.ZeroThreshold,
        ZeroCount = 0,
    };

    // Exemplars of the same time are sorted by value: Prometheus accepts them only in this order.
    private void Take(ReadOnlySpan<Exemplar> exemplars, WallStamps stamps)
    {
        _exemplars.Clear();
        foreach (ref readonly var exemplar in exemplars)
        {
            if (exemplar.IsSet)
                _exemplars.Add(new HistogramExemplar(exemplar.TraceId, exemplar.Value, stamps.Of(exemplar.TimestampMs)));
        }

        if (_exemplars.Count > 1)
            _exemplars.Sort(static (a, b) => (a.TimestampMs, a.Value).CompareTo((b.TimestampMs, b.Value)));
    }
}
