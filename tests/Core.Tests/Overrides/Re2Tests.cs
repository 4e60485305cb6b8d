using OrleansTempo.Core.Overrides;

namespace OrleansTempo.Core.Tests.Overrides;

public sealed class Re2Tests
{
    [Theory]
    [InlineData("b", "abc", true)]
    [InlineData("^b", "abc", false)]
    [InlineData("c$", "abc", true)]
    [InlineData("c$", "abc\n", false)]
    [InlineData("(?m)c$", "abc\nd", true)]
    [InlineData(@"\d", "٣", false)]
    [InlineData(@"\d\D", "3x", true)]
    [InlineData(@"^[\w-]+$", "a_b-9", true)]
    [InlineData(@"^\W\S\s$", "-x ", true)]
    [InlineData("(?P<name>a)b", "ab", true)]
    [InlineData("(?<User>a)b", "ab", true)]
    [InlineData("^[[:alpha:]_]+$", "aB_", true)]
    [InlineData("^[[:alpha:]]+$", "a:", false)]
    [InlineData("^[^[:digit:]]$", "5", false)]
    [InlineData("^[]a]+$", "]a", true)]
    [InlineData("^[a[]+$", "[a", true)]
    [InlineData("^[a-z-[b]$", "b", true)]
    [InlineData(@"\Qa.b\E+", "a.bbb", true)]
    [InlineData(@"\Qa.b", "axb", false)]
    [InlineData(@"\x{263a}", "☺", true)]
    [InlineData(@"\x41", "A", true)]
    [InlineData(@"^\pL\PN$", "ab", true)]
    [InlineData(@"^\p{Lu}$", "A", true)]
    [InlineData("(?i)ABC", "abc", true)]
    [InlineData("a.c", "a\nc", false)]
    [InlineData("(?s)a.c", "a\nc", true)]
    [InlineData(@"\z", "", true)]
    [InlineData(@"a\$b", "a$b", true)]
    [InlineData("a[$]b", "a$b", true)]
    public void Patterns_mean_what_they_mean_in_RE2(string pattern, string text, bool matches)
    {
        Assert.True(Re2.TryCompile(pattern, out var regex, out var error), error);
        Assert.Equal(matches, regex.IsMatch(text));
    }

    [Theory]
    [InlineData("a|b", "b", true)]
    [InlineData("a|b", "ab", false)]
    [InlineData("a", "a\n", false)]
    [InlineData(".*", "a\nb", true)]
    public void An_anchored_pattern_matches_from_end_to_end(string pattern, string text, bool matches)
    {
        Assert.True(Re2.TryCompileAnchored(pattern, out var regex, out _));
        Assert.Equal(matches, regex.IsMatch(text));
    }

    [Theory]
    [InlineData("(")]
    [InlineData("[a")]
    [InlineData("a**")]
    [InlineData(@"(a)\1")]
    [InlineData("(?=a)")]
    [InlineData("(?<!a)b")]
    [InlineData("[[:foo:]]")]
    [InlineData(@"\x{110000}")]
    [InlineData(@"\x{zz}")]
    [InlineData("(?U)a+")]
    [InlineData(@"[\D]")]
    public void What_is_not_RE2_is_refused_with_a_reason(string pattern)
    {
        Assert.False(Re2.TryCompile(pattern, out _, out var error));
        Assert.NotEmpty(error);
    }

    [Fact]
    public void Named_groups_can_be_put_into_a_replacement()
    {
        Assert.True(Re2.TryCompileAnchored("(?P<host>.+):[0-9]+", out var regex, out _));
        Assert.Equal("db", regex.Match("db:5432").Result("${host}"));
    }
}
