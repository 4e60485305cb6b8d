using OrleansTempo.Server.Configuration.Reading;

namespace OrleansTempo.Server.Tests.Configuration;

public sealed class GoDurationTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("0s", 0)]
    [InlineData("15s", 15_000)]
    [InlineData("250ms", 250)]
    [InlineData("1h30m", 5_400_000)]
    [InlineData("1.5h", 5_400_000)]
    [InlineData("2m0s", 120_000)]
    [InlineData(".5s", 500)]
    [InlineData("-1m", -60_000)]
    [InlineData("+1m", 60_000)]
    [InlineData("30m1h", 5_400_000)]
    [InlineData("1500us", 1.5)]
    [InlineData("1500µs", 1.5)]
    [InlineData("100000ns", 0.1)]
    [InlineData("2562047h", 9223369200000)]
    public void Go_durations_are_read(string text, double milliseconds)
    {
        Assert.True(GoDuration.TryParse(text, out var duration));
        Assert.Equal(TimeSpan.FromTicks((long)(milliseconds * TimeSpan.TicksPerMillisecond)), duration);
    }

    [Theory]
    [InlineData("")]
    [InlineData("-")]
    [InlineData("15")]
    [InlineData("s")]
    [InlineData("1d")]
    [InlineData("1 s")]
    [InlineData("1.2.3s")]
    [InlineData(".s")]
    [InlineData("1e3s")]
    [InlineData("99999999999999999999h")]
    [InlineData("999999999999999999h")]
    public void What_is_no_Go_duration_is_refused(string text) => Assert.False(GoDuration.TryParse(text, out _));

    [Theory]
    [InlineData("0", 0)]
    [InlineData("10s", 10)]
    [InlineData("1h30m", 5_400)]
    [InlineData("1d", 86_400)]
    [InlineData("2w", 1_209_600)]
    [InlineData("1y", 31_536_000)]
    [InlineData("1m500ms", 60.5)]
    public void Prometheus_durations_are_read(string text, double seconds)
    {
        Assert.True(GoDuration.TryParsePrometheus(text, out var duration));
        Assert.Equal(TimeSpan.FromSeconds(seconds), duration);
    }

    [Theory]
    [InlineData("")]
    [InlineData("1.5h")]
    [InlineData("-1s")]
    [InlineData("30m1h")]
    [InlineData("1s1s")]
    [InlineData("10")]
    [InlineData("1us")]
    [InlineData("999999999999999999y")]
    public void What_is_no_Prometheus_duration_is_refused(string text) => Assert.False(GoDuration.TryParsePrometheus(text, out _));

    [Theory]
    [InlineData("0s")]
    [InlineData("15s")]
    [InlineData("1h30m")]
    [InlineData("100h")]
    [InlineData("1m500ms")]
    [InlineData("1.5us")]
    [InlineData("-2s")]
    public void A_duration_is_written_as_it_is_read(string text)
    {
        Assert.True(GoDuration.TryParse(text, out var duration));
        Assert.Equal(text, GoDuration.Format(duration));
    }

    [Theory]
    [InlineData(0, "0s")]
    [InlineData(1, "100ns")]
    [InlineData(15, "1.5µs")]
    [InlineData(2_500_000, "250ms")]
    [InlineData(15_000_000, "1.5s")]
    [InlineData(600_000_000, "1m0s")]
    [InlineData(36_000_000_000, "1h0m0s")]
    [InlineData(-905_000_000, "-1m30.5s")]
    [InlineData(3_600_000_000_000, "100h0m0s")]
    public void Is_printed_as_Go_prints_it_and_read_again(long ticks, string expected)
    {
        Assert.Equal(expected, GoDuration.ToGoString(TimeSpan.FromTicks(ticks)));
        Assert.True(GoDuration.TryParse(expected, out var duration));
        Assert.Equal(ticks, duration.Ticks);
    }
}
