using System.Numerics;
using FsCheck;
using FsCheck.Fluent;
using OrleansTempo.Core.Generator.NativeHistograms;

namespace OrleansTempo.Core.Tests.Generator.NativeHistograms;

public sealed class NativeBucketsTests
{
    private const int MantissaBits = 52;

    public static TheoryData<int> Schemas => [.. Enumerable.Range(NativeBuckets.MinSchema, NativeBuckets.MaxSchema - NativeBuckets.MinSchema + 1)];

    // 2^(2^-3) is 1.0905, 2^(2^-8) is 1.0027, 2^(2^4) is 65536.
    [Theory]
    [InlineData(1.1, 3)]
    [InlineData(1.0906, 3)]
    [InlineData(1.09, 4)]
    [InlineData(1.2, 2)]
    [InlineData(1.5, 1)]
    [InlineData(2, 0)]
    [InlineData(1.999, 1)]
    [InlineData(4, -1)]
    [InlineData(16, -2)]
    [InlineData(65536, -4)]
    [InlineData(1e300, -4)]
    [InlineData(1.003, 8)]
    [InlineData(1.000001, 8)]
    public void The_schema_is_the_coarsest_whose_buckets_grow_by_no_more_than_the_factor(double factor, int schema) =>
        Assert.Equal(schema, NativeBuckets.SchemaFor(factor));

    [Theory]
    [MemberData(nameof(Schemas))]
    public void A_bound_is_the_last_value_of_its_bucket(int schema)
    {
        foreach (var doublings in (int[])[-127, -30, -1, 0, 1, 10, 1000])
        {
            for (var i = doublings * Math.Pow(2, schema); i < (doublings + 1) * Math.Pow(2, schema); i++)
            {
                // Coarse schemas have no bucket that begins at each doubling.
                if (i != Math.Floor(i))
                    continue;
                var bound = Bound((int)i, schema);

                Assert.Equal((int)i, NativeBuckets.IndexOf(bound, schema));
                Assert.Equal((int)i + 1, NativeBuckets.IndexOf(Math.BitIncrement(bound), schema));
                Assert.Equal((int)i, NativeBuckets.IndexOf(Math.BitDecrement(bound), schema));
            }
        }
    }

    [Fact]
    public void A_value_is_above_the_lower_bound_of_its_bucket_and_not_above_the_upper() => Prop.ForAll(
        (from bits in ArbMap.Default.GeneratorFor<ulong>()
         from exponent in Gen.Choose(-127, 1023)
         from schema in Gen.Choose(NativeBuckets.MinSchema, NativeBuckets.MaxSchema)
         select (Value: Math.ScaleB(1 + (bits >> 12) / (double)(1UL << MantissaBits), exponent), Schema: schema)).ToArbitrary(),
        drawn =>
        {
            var index = NativeBuckets.IndexOf(drawn.Value, drawn.Schema);
            return IsAtMost(drawn.Value, index, drawn.Schema) && !IsAtMost(drawn.Value, index - 1, drawn.Schema);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(3000));

    [Theory]
    [MemberData(nameof(Schemas))]
    public void Two_buckets_form_one_of_the_next_coarser_schema(int schema)
    {
        if (schema == NativeBuckets.MinSchema)
            return;
        var random = new Random(1);
        for (var i = 0; i < 2000; i++)
        {
            var value = Math.Pow(2, random.NextDouble() * 200 - 100);
            Assert.Equal(NativeBuckets.IndexOf(value, schema - 1), NativeBuckets.Coarser(NativeBuckets.IndexOf(value, schema)));
        }
    }

    // The double that is nearest to 2^(index / 2^schema).
    private static double Bound(int index, int schema)
    {
        if (schema <= 0)
            return Math.ScaleB(1, index << -schema);
        var buckets = 1 << schema;
        var within = index & (buckets - 1);
        var bound = Math.Pow(2, within / (double)buckets);
        if (within > 0)
        {
            // Half a unit in the last place less is below the exact bound, and half a unit more is above.
            var twice = new BigInteger(bound * (1L << MantissaBits)) * 2;
            var exact = BigInteger.One << (within + (MantissaBits + 1) * buckets);
            Assert.True(BigInteger.Pow(twice - 1, buckets) < exact && exact < BigInteger.Pow(twice + 1, buckets), $"{bound} is not next to 2^({within}/{buckets})");
        }

        return Math.ScaleB(bound, index >> schema);
    }

    // In whole numbers: v <= 2^(i / 2^s) where v^(2^s) <= 2^i, or for a coarse schema v <= 2^(i * 2^-s).
    private static bool IsAtMost(double value, int index, int schema)
    {
        var bits = BitConverter.DoubleToInt64Bits(value);
        var exponent = (int)(bits >> MantissaBits) - 1023 - MantissaBits;
        var mantissa = new BigInteger((bits & ((1L << MantissaBits) - 1)) | (1L << MantissaBits));
        var power = schema > 0 ? 1 << schema : 1;
        var right = schema > 0 ? index : index << -schema;
        var left = BigInteger.Pow(mantissa, power);
        var shift = exponent * power;
        return right >= shift ? left <= BigInteger.One << (right - shift) : left << (shift - right) <= 1;
    }
}
