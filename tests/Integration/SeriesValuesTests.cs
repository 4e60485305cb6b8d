
namespace OrleansTempo.Integration;

/// <summary>The comparison every other test here relies on.</summary>
public sealed class SeriesValuesTests
{
    [Fact]
    public void Text_with_types_exemplars_timestamps_and_escapes_is_read()
    {
        var values = SeriesValues.Parse("""
            # TYPE calls counter
            calls_total{b="x \"y\" \\ z\nü",a="{1,2}"} 3 1700000000.5 # {trace_id="00ff"} 0.25 1700000000
            plain 0.5
            # EOF
            """);

        Assert.Equal(["""calls_total{a="{1,2}",b="x \"y\" \\ z\nü"}""", "plain{}"], values.Keys);
        Assert.Equal([3, 0.5], values.Values);
    }

    [Fact]
    public void Difference_names_what_is_missing_wrong_or_too_much()
    {
        var actual = SeriesValues.Parse("same 1\nsum 0.10400000000000001\nwrong 2\nextra 4\n");

        var difference = actual.DifferenceFrom(SeriesValues.Parse("same 1\nsum 0.104\nwrong 3\ngone 5\n"));

        Assert.Equal(["is 2: wrong{} 3", "missing: gone{} 5", "too much: extra{} 4"], difference.Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Label_that_tells_tests_apart_is_taken_off_wherever_it_stands()
    {
        var values = SeriesValues.Parse("""
            a{service="s",test="one"} 1
            b{a="s",test="one",z="t"} 2
            c{test="one",z="t"} 3
            d{test="other"} 4
            e{latest="one"} 5
            """);

        Assert.Equal(["a{service=\"s\"}", "b{a=\"s\",z=\"t\"}", "c{z=\"t\"}"], values.Without("test", "one").Keys);
    }

    [Fact]
    public void Recorded_expectation_is_read_whole()
    {
        Assert.Equal(File.ReadLines(Path.Combine(AppContext.BaseDirectory, "golden", "expected.prom")).Count(line => line.Length > 0), GoldenBodies.Expected().Count);
        Assert.Equal(12, GoldenBodies.Expected().Sum("traces_spanmetrics_calls_total"));
    }
}
