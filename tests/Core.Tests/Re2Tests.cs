namespace OrleansTempo.Core.Tests;

public sealed class Re2Tests
{
    [Theory]
    [InlineData("b", "abc", true)]
    [InlineData("^b", "abc", false)]
    [InlineData("c$", "abc", true)]
    [InlineData("c$", "abc\n", false)]
    [InlineData("(?m)c$", "abc\nd", true)]
    [InlineData("(?-m)c$", "abc\nd", false)]
    [InlineData("(?s-m)c$", "abc\nd", false)]
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
    [InlineData("(?m:b$)c$", "ab\nc", false)]
    [InlineData("(?m:^b$)", "a\nb\nc", true)]
    [InlineData("((?m)b$)|c$", "c\n", false)]
    [InlineData("((?m)b$)|c$", "b\n", true)]
    [InlineData(@"^\101\0\x{1F600}$", "A\u0000😀", true)]
    [InlineData("^😀{2}$", "😀😀", true)]
    [InlineData("^[😀a]+$", "a😀a", true)]
    [InlineData(@"^[\x{1F600}-]$", "-", true)]
    [InlineData("^[[:^alpha:]]+$", "1-:", true)]
    [InlineData("^[[:^alpha:]]+$", "1a", false)]
    [InlineData("^[[:^space:][:space:]]$", "\v", true)]
    [InlineData(@"^\s$", "\v", false)]
    [InlineData("^[[:word:]]+$", "aZ_9", true)]
    [InlineData("^[[:punct:]]+$", "!/:@[`{~", true)]
    [InlineData("^[[:xdigit:]]+$", "09afAFg", false)]
    [InlineData(@"^\_\-\ \%$", "_- %", true)]
    [InlineData(@"^[\_\]\-\^]+$", "_]-^", true)]
    [InlineData(@"^[\d-a]+$", "1-a", true)]
    [InlineData("^[+--]+$", "+,-", true)]
    [InlineData(@"^\p{Any}$", "x", true)]
    [InlineData(@"\P{Any}", "x", false)]
    [InlineData(@"^[^\P{Any}]$", "x", true)]
    [InlineData(@"^[\pN\p{Lu}]+$", "1A", true)]
    [InlineData(@"\bfoo\b", "a foo b", true)]
    [InlineData(@"\Bo\B", "foox", true)]
    [InlineData(@"^\Q[a\E$", "[a", true)]
    [InlineData(@"\Qa", "a", true)]
    [InlineData("a{2}{", "aa{", true)]
    [InlineData("^(?i:k)(?-i)k$", "Kk", true)]
    [InlineData("^(?:a|b){1000}$", "a", false)]
    public void Patterns_have_RE2_semantics(string pattern, string text, bool matches)
    {
        Assert.True(Re2.TryCompile(pattern, out var regex, out var error), error);
        Assert.Equal(matches, regex.IsMatch(text));
    }

    [Theory]
    [InlineData("a|b", "b", true)]
    [InlineData("a|b", "ab", false)]
    [InlineData("a", "a\n", false)]
    [InlineData(".*", "a\nb", true)]
    [InlineData(@"\d+", "12", true)]
    [InlineData(@"\d+", "١٢", false)]
    [InlineData(@"\w", "ä", false)]
    [InlineData(@"[\w.]+", "a.b", true)]
    [InlineData(@"[^\d]+", "ab", true)]
    [InlineData(@"[\D]+", "a1", false)]
    [InlineData(@"[\S]+", "a b", false)]
    [InlineData(@"[[:alpha:]]+", "ab", true)]
    [InlineData(@"[[:alpha:]]+", "a1", false)]
    [InlineData(@"[]a]+", "a]", true)]
    [InlineData(@"[a[]+", "a[", true)]
    [InlineData(@"[a-z-[b]", "[", true)]
    [InlineData(@"a\Q.*\Eb", "a.*b", true)]
    [InlineData(@"a\Q.*\Eb", "axxb", false)]
    [InlineData(@"(?i)abc", "ABC", true)]
    [InlineData(@"(?i:a)b", "AB", false)]
    [InlineData(@"a$", "a\n", false)]
    [InlineData(@"a.b", "a\nb", true)]
    [InlineData(@"\pL+", "äb", true)]
    [InlineData(@"\PL+", "12", true)]
    [InlineData(@"\p{^L}+", "12", true)]
    [InlineData(@"\x41\x{42}", "AB", true)]
    [InlineData(@"a#b c", "a#b c", true)]
    [InlineData(@"a{,2}", "a{,2}", true)]
    [InlineData(@"(a|ab)(c|bcd)(d*)", "abcd", true)]
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
    [InlineData(@"\C")]
    [InlineData(@"\8")]
    [InlineData(@"\p{Greek}")]
    [InlineData("[[:^foo:]]")]
    [InlineData(@"[\Qa\E]")]
    [InlineData("[b-a]")]
    [InlineData("(?-)a")]
    [InlineData("(?U")]
    [InlineData("(?i--s)a")]
    [InlineData("a{1001}")]
    [InlineData("(a{100}){11}")]
    [InlineData("((a{10}b){10}|c){11}")]
    [InlineData("a{2,1}")]
    [InlineData("(?U)a**")]
    [InlineData(@"\Z")]
    [InlineData(@"a\")]
    [InlineData("(?x)a")]
    [InlineData("(?P<a>x)(?P<a>y)")]
    public void A_pattern_that_is_not_RE2_is_refused_with_a_reason(string pattern)
    {
        Assert.False(Re2.TryCompile(pattern, out _, out var error));
        Assert.NotEmpty(error);
    }

    [Theory]
    [InlineData("(?U)(a+)(a*)", "1,2")]
    [InlineData("(?U)(a+?)(a*)", "3,0")]
    [InlineData("(?U)(a{1,2})(a*)", "1,2")]
    [InlineData("(?U)(a{1,2}?)(a*)", "2,1")]
    [InlineData("(a+?)(a*)", "1,2")]
    [InlineData("(?U:(a+))(a*)", "1,2")]
    [InlineData("(?U)(?-U:(a+))(a*)", "3,0")]
    [InlineData("((?U)a+)(a*?)(a*)", "1,0,2")]
    [InlineData("(?sU)(.+)(.?)(a*)", "1,0,2")]
    public void Ungreedy_patterns_match_as_little_as_possible_and_lazy_ones_as_much(string pattern, string lengths)
    {
        Assert.True(Re2.TryCompileAnchored(pattern, out var regex, out var error), error);
        Assert.Equal(lengths, string.Join(',', regex.Match("aaa").Groups.Values.Skip(1).Select(static group => group.Length)));
    }

    [Fact]
    public void Groups_are_numbered_in_order_of_opening_named_or_not()
    {
        Assert.True(Re2.TryCompileAnchored("(?P<host>.+):([0-9]+)(?<rest>.*)", out var regex, out _));

        Assert.Equal([1, 2, 3, 0], new[] { "host", "2", "rest", "0" }.Select(regex.GroupNumber));
        Assert.Equal([null, null, null], new[] { "port", "4", "01" }.Select(regex.GroupNumber));
        Assert.Equal("db", regex.Match("db:5432").Groups[1].Value);
        Assert.Equal("5432", regex.Match("db:5432").Groups[2].Value);
    }
}
