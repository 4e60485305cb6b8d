using System.Globalization;

namespace OrleansTempo.Core.Tests;

public sealed class PlainDecimalTests
{
    [Theory]
    [InlineData(0, "0")]
    [InlineData(-0.0, "-0")]
    [InlineData(1, "1")]
    [InlineData(-5, "-5")]
    [InlineData(0.002, "0.002")]
    [InlineData(16.384, "16.384")]
    [InlineData(0.1 + 0.2, "0.30000000000000004")]
    [InlineData(1e-7, "0.0000001")]
    [InlineData(-1.5e-7, "-0.00000015")]
    [InlineData(1e15, "1000000000000000")]
    [InlineData(1e16, "10000000000000000")]
    [InlineData(1.2345e21, "1234500000000000000000")]
    [InlineData(1.2345678901234567e16, "12345678901234568")]
    [InlineData(double.PositiveInfinity, "+Inf")]
    [InlineData(double.NegativeInfinity, "-Inf")]
    [InlineData(double.NaN, "NaN")]
    public void Numbers_have_no_exponent(double value, string text) => Assert.Equal(text, PlainDecimal.Format(value));

    [Fact]
    public void Any_number_parses_to_the_same_value()
    {
        var random = new Random(1);
        for (var i = 0; i < 5000; i++)
        {
            var value = BitConverter.Int64BitsToDouble(random.NextInt64(long.MinValue, long.MaxValue));
            if (!double.IsFinite(value))
                continue;
            var text = PlainDecimal.Format(value);
            Assert.DoesNotContain('E', text);
            Assert.Equal(value, double.Parse(text, CultureInfo.InvariantCulture));
        }
    }
}
