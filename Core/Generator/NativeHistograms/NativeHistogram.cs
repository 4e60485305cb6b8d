using OrleansTempo.Core.Configuration.Generator;

namespace OrleansTempo.Core.Generator.NativeHistograms;

/// <summary>
/// One series of a native histogram: how often was observed what, in the buckets of <see cref="NativeBuckets"/> that are not empty.
/// <code>
///   value ─┬─ not above the threshold ─► ZeroCount
///          └─► bucket ─ more than MaxBuckets now? ─► each two become one, and a reset is due ─► after the next collection
/// </code>
/// A reset makes it fine again, and empty. It waits until what has been counted is collected, so that nothing is lost by it, and the
/// series then begins anew with an explicit empty sample, by which Prometheus knows.
/// </summary>
internal sealed class NativeHistogram
{
    private int[] _indices = new int[4];
    private ulong[] _counts = new ulong[4];
    private int _length;

    public NativeHistogram(int schema, long nowMs)
    {
        Schema = schema;
        StartedMs = nowMs;
    }

    /// <summary>Goes on with one whose properties were these.</summary>
    /// <param name="schema">How fine it was.</param>
    /// <param name="sum">Of what was observed.</param>
    /// <param name="zeroCount">What counted as zero.</param>
    /// <param name="indices">The buckets, ascending.</param>
    /// <param name="counts">As many.</param>
    /// <param name="startedMs">Since when it counts.</param>
    /// <param name="resetDueMs">From when on it is to be reset.</param>
    /// <param name="isReset">Whether it was.</param>
    public static NativeHistogram Restore(int schema, double sum, ulong zeroCount, int[] indices, ulong[] counts, long startedMs, long resetDueMs, bool isReset)
    {
        var histogram = new NativeHistogram(schema, startedMs) { Sum = sum, ZeroCount = zeroCount, ResetDueMs = resetDueMs, IsReset = isReset };
        if (indices.Length > 0)
            (histogram._indices, histogram._counts, histogram._length) = (indices, counts, indices.Length);
        return histogram;
    }

    public int Schema { get; private set; }

    public double Sum { get; private set; }

    public ulong ZeroCount { get; private set; }

    /// <summary>The buckets that are not empty, ascending.</summary>
    public ReadOnlySpan<int> Indices => _indices.AsSpan(0, _length);

    /// <summary>Of each of <see cref="Indices"/>, what fell into it.</summary>
    public ReadOnlySpan<ulong> Counts => _counts.AsSpan(0, _length);

    /// <summary>Since when it counts: since there is the series, or since it was reset; steady milliseconds, see <see cref="SteadyClock"/>.</summary>
    public long StartedMs { get; private set; }

    /// <summary>From when on it is to be reset, steady milliseconds; 0 where it need not be.</summary>
    public long ResetDueMs { get; private set; }

    /// <summary>Whether it was reset after it was sent: then it goes on with an explicit empty sample.</summary>
    public bool IsReset { get; private set; }

    /// <param name="value">Finite and not negative.</param>
    /// <param name="times">How often it was observed.</param>
    /// <param name="settings">The metric's.</param>
    /// <param name="nowMs">Steady milliseconds.</param>
    public void Observe(double value, ulong times, NativeHistogramSettings settings, long nowMs)
    {
        if (times == 0)
            return;
        Sum += value * times;
        if (value <= NativeBuckets.ZeroThreshold)
        {
            ZeroCount += times;
            return;
        }

        var index = NativeBuckets.IndexOf(value, Schema);
        var place = Indices.BinarySearch(index);
        if (place >= 0)
            _counts[place] += times;
        else
            Insert(~place, index, times);
        if (_length > settings.MaxBuckets)
            Limit(settings, nowMs);
    }

    /// <summary>It has been collected: now it can be reset.</summary>
    public void Collected(NativeHistogramSettings settings, long nowMs)
    {
        IsReset = false;
        if (ResetDueMs == 0 || nowMs < ResetDueMs)
            return;
        _length = 0;
        Sum = 0;
        ZeroCount = 0;
        Schema = settings.Schema;
        StartedMs = nowMs;
        ResetDueMs = 0;
        IsReset = true;
    }

    private void Limit(NativeHistogramSettings settings, long nowMs)
    {
        if (ResetDueMs == 0)
            ResetDueMs = Math.Max(nowMs, StartedMs + settings.MinResetMs);
        if (Schema > NativeBuckets.MinSchema)
            Halve();
    }

    private void Halve()
    {
        Schema--;
        var kept = 0;
        for (var i = 0; i < _length; i++)
        {
            var index = NativeBuckets.Coarser(_indices[i]);
            if (kept > 0 && _indices[kept - 1] == index)
            {
                _counts[kept - 1] += _counts[i];
                continue;
            }

            _indices[kept] = index;
            _counts[kept++] = _counts[i];
        }

        _length = kept;
    }

    private void Insert(int place, int index, ulong times)
    {
        if (_length == _indices.Length)
        {
            Array.Resize(ref _indices, _length * 2);
            Array.Resize(ref _counts, _length * 2);
        }

        _indices.AsSpan(place, _length - place).CopyTo(_indices.AsSpan(place + 1));
        _counts.AsSpan(place, _length - place).CopyTo(_counts.AsSpan(place + 1));
        _indices[place] = index;
        _counts[place] = times;
        _length++;
    }
}

/// <summary>How a metric's native histograms count.</summary>
/// <param name="Schema">How fine they are before they have too many buckets; see <see cref="NativeBuckets"/>.</param>
/// <param name="MaxBuckets">With more than this they become coarser.</param>
/// <param name="MinResetMs">How long they count at least before they are reset, in milliseconds.</param>
internal sealed record NativeHistogramSettings(int Schema, int MaxBuckets, long MinResetMs)
{
    public static NativeHistogramSettings Of(NativeHistogramOptions options) =>
        new(NativeBuckets.SchemaFor(options.BucketFactor), options.MaxBucketNumber, (long)options.MinResetDuration.TotalMilliseconds);
}
