using System.Text;
using FsCheck;
using FsCheck.Fluent;
using OrleansTempo.Core.Generator.Limits;

namespace OrleansTempo.Core.Tests.Generator.Limits;

public sealed class HyperLogLogTests
{
    [Fact]
    public void The_estimate_is_never_off_by_more_than_six_standard_errors() =>
        Prop.ForAll(
            (from seed in Gen.Choose(0, int.MaxValue)
             from precision in Gen.Choose(6, 14)
             from digits in Gen.Choose(0, 5)
             from things in Gen.Choose(0, (int)Math.Pow(10, digits))
             select (seed, precision, things)).ToArbitrary(),
            input =>
            {
                var random = new Random(input.seed);
                var sketch = new HyperLogLog(input.precision);
                for (var i = 0; i < input.things; i++)
                {
                    // Each of them more than once now and then: only what is new counts.
                    var hash = (ulong)random.NextInt64(long.MinValue, long.MaxValue);
                    for (var times = random.Next(1, 3); times > 0; times--)
                        sketch.Add(hash);
                }

                Assert.InRange(sketch.Estimate(), input.things - Allowed(input.precision, input.things), input.things + Allowed(input.precision, input.things));
            }).Check(Config.QuickThrowOnFailure.WithMaxTest(200));

    // The things are texts, hashed as keys are, the same in every run.
    [Theory]
    [InlineData(10, 100, 0.033)]
    [InlineData(10, 3000, 0.035)]
    [InlineData(12, 300, 0.015)]
    [InlineData(12, 10_000, 0.018)]
    [InlineData(12, 50_000, 0.018)]
    public void The_error_is_the_documented_one(int precision, int things, double standardError)
    {
        var squares = 0.0;
        for (var run = 0; run < 50; run++)
        {
            var sketch = new HyperLogLog(precision);
            for (var i = 0; i < things; i++)
                sketch.Add(Utf8Hash.Lasting(Encoding.UTF8.GetBytes($"/users/{run}/{i}")));
            squares += Math.Pow(sketch.Estimate() / (double)things - 1, 2);
        }

        Assert.InRange(Math.Sqrt(squares / 50), 0, standardError);
    }

    [Fact]
    public void A_merged_sketch_equals_the_sketch_of_all_values() =>
        Prop.ForAll(
            (from seed in Gen.Choose(0, int.MaxValue) from things in Gen.Choose(0, 5000) select (seed, things)).ToArbitrary(),
            input =>
            {
                var random = new Random(input.seed);
                var parts = new[] { new HyperLogLog(12), new HyperLogLog(12), new HyperLogLog(12) };
                var whole = new HyperLogLog(12);
                for (var i = 0; i < input.things; i++)
                {
                    var hash = (ulong)random.NextInt64(long.MinValue, long.MaxValue);
                    whole.Add(hash);
                    parts[random.Next(3)].Add(hash);
                    parts[random.Next(3)].Add(hash);
                }

                var merged = new HyperLogLog(12);
                foreach (var part in parts)
                    merged.Merge(part);
                Assert.Equal(whole.Estimate(), merged.Estimate());
                Assert.Equal(whole.IsEmpty, merged.IsEmpty);
                merged.Merge(whole);
                Assert.Equal(whole.Estimate(), merged.Estimate());
            }).Check(Config.QuickThrowOnFailure.WithMaxTest(100));

    [Fact]
    public void Few_values_are_counted_exactly()
    {
        var sketch = new HyperLogLog(12);
        Assert.True(sketch.IsEmpty);
        Assert.Equal(0, sketch.Estimate());
        for (var i = 0; i < 20; i++)
        {
            sketch.Add(Utf8Hash.Lasting(Encoding.UTF8.GetBytes($"thing {i}")));
            Assert.Equal(i + 1, sketch.Estimate());
        }
    }

    [Fact]
    public void A_sketch_that_is_full_of_the_longest_runs_has_an_estimate()
    {
        var sketch = new HyperLogLog(4);
        for (var register = 0UL; register < 16; register++)
            sketch.Add(register << 60);

        Assert.Equal(long.MaxValue, sketch.Estimate());
    }

    [Fact]
    public void Sketches_of_different_precision_do_not_merge()
    {
        Assert.Throws<ArgumentException>(() => new HyperLogLog(10).Merge(new HyperLogLog(12)));
        Assert.Throws<ArgumentOutOfRangeException>(() => new HyperLogLog(3));
        Assert.Throws<ArgumentOutOfRangeException>(() => new HyperLogLog(19));
    }

    private static long Allowed(int precision, int things) => (long)(6 * 1.04 / Math.Sqrt(1 << precision) * things) + 3;
}
