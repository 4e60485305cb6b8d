using OrleansTempo.Core.Generator.NativeHistograms;

namespace OrleansTempo.Core.Tests.Generator.NativeHistograms;

public sealed class NativeHistogramTests
{
    private const long StartMs = 1_780_000_000_000;
    private static readonly NativeHistogramSettings s_settings = new(Schema: 3, MaxBuckets: 4, MinResetMs: 60_000);

    [Fact]
    public void Values_are_counted_by_bucket_and_up_to_the_threshold_as_zero()
    {
        var histogram = Observed(0, NativeBuckets.ZeroThreshold, 1, 1, 0.001, 17);

        Assert.Equal([-79, 0, 33], histogram.Indices.ToArray());
        Assert.Equal([1UL, 2, 1], histogram.Counts.ToArray());
        Assert.Equal((2UL, 19.001), (histogram.ZeroCount, histogram.Sum));
    }

    [Fact]
    public void A_value_observed_zero_times_has_no_bucket()
    {
        var histogram = new NativeHistogram(3, StartMs);
        histogram.Observe(1, 0, s_settings, StartMs);

        Assert.Empty(histogram.Indices.ToArray());
    }

    [Fact]
    public void Buckets_stay_in_order_whatever_the_order_of_values()
    {
        var random = new Random(1);
        var histogram = new NativeHistogram(3, StartMs);
        var expected = new SortedDictionary<int, ulong>();
        for (var i = 0; i < 2000; i++)
        {
            var value = Math.Pow(10, random.NextDouble() * 8 - 4);
            var index = NativeBuckets.IndexOf(value, 3);
            expected[index] = expected.GetValueOrDefault(index) + 3;
            histogram.Observe(value, 3, s_settings with { MaxBuckets = 1000 }, StartMs);
        }

        Assert.Equal(expected.Keys, histogram.Indices.ToArray());
        Assert.Equal(expected.Values, histogram.Counts.ToArray());
    }

    [Fact]
    public void One_bucket_too_many_halves_the_resolution_and_keeps_every_observation()
    {
        var histogram = Observed(1, 1.09, 1.18, 1.29);
        Assert.Equal((3, 0L), (histogram.Schema, histogram.ResetDueMs));
        Assert.Equal([0, 1, 2, 3], histogram.Indices.ToArray());

        histogram.Observe(1.41, 2, s_settings, StartMs + 1000);

        Assert.Equal(2, histogram.Schema);
        Assert.Equal([0, 1, 2], histogram.Indices.ToArray());
        Assert.Equal([1UL, 2, 3], histogram.Counts.ToArray());
    }

    [Fact]
    public void Each_observation_halves_again_until_the_buckets_are_few_enough_or_as_coarse_as_possible()
    {
        var histogram = Observed(1e-30, 1e-20, 1e-10, 1, 1e10, 1e20);
        for (var i = 0; i < 20; i++)
            histogram.Observe(1, 1, s_settings, StartMs);
        Assert.Equal((-4, 26UL), (histogram.Schema, histogram.Counts.ToArray().Aggregate((a, b) => a + b)));

        // Six buckets of schema -4 remain, and nothing is coarser.
        Assert.Equal([-6, -4, -2, 0, 3, 5], histogram.Indices.ToArray());
    }

    [Fact]
    public void It_restarts_after_the_first_collection_at_which_it_has_counted_long_enough()
    {
        var histogram = Observed(1, 2, 3, 4, 5);
        Assert.Equal(StartMs + 60_000, histogram.ResetDueMs);

        histogram.OnCollected(s_settings, StartMs + 59_999);
        Assert.Equal((15.0, false), (histogram.Sum, histogram.IsReset));
        histogram.OnCollected(s_settings, StartMs + 60_000);

        Assert.Equal((0.0, 0UL, 3, true), (histogram.Sum, histogram.ZeroCount, histogram.Schema, histogram.IsReset));
        Assert.Empty(histogram.Indices.ToArray());
        Assert.Equal((StartMs + 60_000, 0L), (histogram.StartedMs, histogram.ResetDueMs));
    }

    [Fact]
    public void If_it_has_already_counted_long_enough_it_restarts_after_the_next_collection()
    {
        var histogram = Observed(1, 2, 3, 4);
        histogram.OnCollected(s_settings, StartMs + 90_000);
        Assert.Equal(10, histogram.Sum);

        histogram.Observe(5, 1, s_settings, StartMs + 100_000);
        Assert.Equal((StartMs + 100_000, 15.0), (histogram.ResetDueMs, histogram.Sum));
        histogram.OnCollected(s_settings, StartMs + 105_000);

        Assert.Equal((0.0, 3, true), (histogram.Sum, histogram.Schema, histogram.IsReset));
    }

    [Fact]
    public void A_restart_is_reported_once()
    {
        var histogram = Observed(1, 2, 3, 4, 5);
        histogram.OnCollected(s_settings, StartMs + 60_000);
        histogram.Observe(1, 1, s_settings, StartMs + 61_000);

        histogram.OnCollected(s_settings, StartMs + 75_000);

        Assert.Equal((1.0, false), (histogram.Sum, histogram.IsReset));
    }

    private static NativeHistogram Observed(params double[] values)
    {
        var histogram = new NativeHistogram(s_settings.Schema, StartMs);
        foreach (var value in values)
            histogram.Observe(value, 1, s_settings, StartMs);
        return histogram;
    }
}
