using OrleansTempo.Core.Configuration.Generator;

namespace OrleansTempo.Core.Generator.NativeHistograms;

/// <summary>
/// One series of a native histogram: the counts of the buckets of <see cref="NativeBuckets"/> that are not empty.
/// <code>
///   value ─┬─ not above the threshold ─► ZeroCount
///          └─► bucket ─ more than MaxBuckets now? ─► merge pairs of buckets, schedule a reset ─► after the next collection
/// </code>
/// A reset empties the histogram and makes it fine again. It waits until everything counted has been collected, so that nothing
/// is lost. The series then restarts with an explicit empty sample, which tells Prometheus about the reset.
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

    /// <summary>Restores a histogram with these properties.</summary>
    /// <param name="schema">See <see cref="Schema"/>.</param>
    /// <param name="sum">The sum of the observations.</param>
    /// <param name="zeroCount">The observations that counted as zero.</param>
    /// <param name="indices">The buckets that are not empty, ascending.</param>
    /// <param name="counts">The count of each of those buckets.</param>
    /// <param name="startedMs">See <see cref="StartedMs"/>.</param>
    /// <param name="resetDueMs">See <see cref="ResetDueMs"/>.</param>
    /// <param name="isReset">See <see cref="IsReset"/>.</param>
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

    /// <summary>The count of each bucket in <see cref="Indices"/>.</summary>
    public ReadOnlySpan<ulong> Counts => _counts.AsSpan(0, _length);

    /// <summary>When it started to count: when the series was created or last reset; steady milliseconds, see <see cref="SteadyClock"/>.</summary>
    public long StartedMs { get; private set; }

    /// <summary>The time from which it should be reset, in steady milliseconds; 0 for no reset.</summary>
    public long ResetDueMs { get; private set; }

    /// <summary>Whether it was reset after it was last sent, so that an explicit empty sample must come next.</summary>
    public bool IsReset { get; private set; }

    /// <param name="value">A finite value that is not negative.</param>
    /// <param name="times">How often it was observed.</param>
    /// <param name="settings">The settings of the metric.</param>
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

    /// <summary>Called after it was collected; resets it if a reset is due.</summary>
    public void OnCollected(NativeHistogramSettings settings, long nowMs)
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

/// <summary>The resolution and limits of a metric's native histograms.</summary>
/// <param name="Schema">The resolution they start with; see <see cref="NativeBuckets"/>.</param>
/// <param name="MaxBuckets">The maximum number of buckets; with more they become coarser.</param>
/// <param name="MinResetMs">The minimum time between resets, in milliseconds.</param>
internal sealed record NativeHistogramSettings(int Schema, int MaxBuckets, long MinResetMs)
{
    public static NativeHistogramSettings Of(NativeHistogramOptions options) =>
        new(NativeBuckets.SchemaFor(options.BucketFactor), options.MaxBucketNumber, (long)options.MinResetDuration.TotalMilliseconds);
}
