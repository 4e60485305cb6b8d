using OrleansTempo.Core.Configuration.RemoteWrite;
using OrleansTempo.Core.RemoteWrite.Messages;

namespace OrleansTempo.Core.Tests.RemoteWrite.Messages;

/// <summary>Expected values are worked out from Prometheus' configuration documentation (<c>relabel_config</c>) and RE2's and Go's syntax pages.</summary>
public sealed class RelabelerTests
{
    public static TheoryData<string, RelabelOptions, string, string?> Rules() => new()
    {
        { "replace copies by default", new() { SourceLabels = ["a"], TargetLabel = "d" }, "a=foo b=bar", "a=foo b=bar d=foo" },
        { "replace joins sources with the separator", new() { SourceLabels = ["a", "b"], TargetLabel = "d" }, "a=foo b=bar", "a=foo b=bar d=foo;bar" },
        { "replace joins with a given separator", new() { SourceLabels = ["a", "b"], Separator = "-", TargetLabel = "d" }, "a=foo b=bar", "a=foo b=bar d=foo-bar" },
        { "an absent source is empty", new() { SourceLabels = ["x", "b"], TargetLabel = "d" }, "b=bar", "b=bar d=;bar" },
        { "replace expands groups", new() { SourceLabels = ["a"], Regex = "f(.)(.)", TargetLabel = "d", Replacement = "${2}x$1" }, "a=fop", "a=fop d=pxo" },
        { "a name without braces is as long as it can be", new() { SourceLabels = ["a"], Regex = "f(.)", TargetLabel = "d", Replacement = "$1x" }, "a=fo d=1", "a=fo" },
        { "two dollars are one", new() { SourceLabels = ["a"], Regex = "f(.)", TargetLabel = "d", Replacement = "$$1" }, "a=fo", "a=fo d=$1" },
        { "a dollar alone stays", new() { SourceLabels = ["a"], Regex = "f(.)", TargetLabel = "d", Replacement = "5$ ${ $" }, "a=fo", "a=fo d=5$_${_$" },
        { "named groups expand and count", new() { SourceLabels = ["a"], Regex = "(?P<first>.)(.)", TargetLabel = "d", Replacement = "$2$first$1" }, "a=fo", "a=fo d=off" },
        { "a group that did not match is empty", new() { SourceLabels = ["a"], Regex = "(x)?(.*)", TargetLabel = "d", Replacement = "[$1]$2" }, "a=fo", "a=fo d=[]fo" },
        { "replace needs a match", new() { SourceLabels = ["a"], Regex = "x.*", TargetLabel = "d" }, "a=foo d=1", "a=foo d=1" },
        { "expressions are anchored", new() { SourceLabels = ["a"], Regex = "oo", TargetLabel = "d", Replacement = "1" }, "a=foo", "a=foo" },
        { "alternatives are anchored together", new() { SourceLabels = ["a"], Regex = "f|oo", TargetLabel = "d", Replacement = "1" }, "a=foo", "a=foo" },
        { "an empty result deletes the label", new() { SourceLabels = ["a"], Regex = "(x)?foo", TargetLabel = "d" }, "a=foo d=1", "a=foo" },
        { "a constant without sources is set", new() { TargetLabel = "d", Replacement = "1" }, "a=foo", "a=foo d=1" },
        { "an empty constant deletes the label", new() { TargetLabel = "a", Replacement = "" }, "a=foo b=1", "b=1" },
        { "the target is expanded", new() { SourceLabels = ["a"], Regex = "(.*)=(.*)", TargetLabel = "x_$1", Replacement = "$2" }, "a=k=v", "a=k=v x_k=v" },
        { "a target that expands to nothing is left alone", new() { SourceLabels = ["a"], Regex = "(x)?foo", TargetLabel = "$1", Replacement = "1" }, "a=foo", "a=foo" },
        { "keep keeps what matches", new() { SourceLabels = ["a"], Regex = "f.*", Action = RelabelAction.Keep }, "a=foo", "a=foo" },
        { "keep drops what does not", new() { SourceLabels = ["a"], Regex = "o", Action = RelabelAction.Keep }, "a=foo", null },
        { "drop drops what matches", new() { SourceLabels = ["a"], Regex = "f.*", Action = RelabelAction.Drop }, "a=foo", null },
        { "drop keeps what does not", new() { SourceLabels = ["a"], Regex = "o", Action = RelabelAction.Drop }, "a=foo", "a=foo" },
        { "drop sees an absent label as empty", new() { SourceLabels = ["x"], Regex = "", Action = RelabelAction.Drop }, "a=foo", null },
        { "keepequal keeps equals", new() { SourceLabels = ["a"], TargetLabel = "b", Action = RelabelAction.KeepEqual }, "a=1 b=1", "a=1 b=1" },
        { "keepequal drops others", new() { SourceLabels = ["a"], TargetLabel = "b", Action = RelabelAction.KeepEqual }, "a=1 b=2", null },
        { "dropequal drops equals", new() { SourceLabels = ["a"], TargetLabel = "b", Action = RelabelAction.DropEqual }, "a=1 b=1", null },
        { "dropequal keeps others", new() { SourceLabels = ["a"], TargetLabel = "b", Action = RelabelAction.DropEqual }, "a=1 b=2", "a=1 b=2" },

        // printf baz | md5sum: 73feffa4b7f6bb68 e44cf984c85f6e88; the second half as a number, mod 1000.
        { "hashmod takes the last eight bytes of MD5", new() { SourceLabels = ["a"], TargetLabel = "d", Modulus = 1000, Action = RelabelAction.HashMod }, "a=baz", "a=baz d=976" },
        { "labelmap copies under the new name", new() { Regex = "(b.*)", Replacement = "new_$1", Action = RelabelAction.LabelMap }, "a=1 b1=2 b2=3", "a=1 b1=2 b2=3 new_b1=2 new_b2=3" },
        { "labelmap does not map its own results", new() { Regex = "a(.*)", Replacement = "ab$1", Action = RelabelAction.LabelMap }, "a=1", "a=1 ab=1" },
        { "labelmap leaves out what is no name", new() { Regex = "b(.*)", Replacement = "$1", Action = RelabelAction.LabelMap }, "a=1 b1=2 bc=3 b=4", "a=1 b=4 b1=2 bc=3 c=3" },
        { "replace leaves out what is no name", new() { SourceLabels = ["a"], TargetLabel = "$1", Replacement = "x", Action = RelabelAction.Replace }, "a=1b", "a=1b" },
        { "labeldrop drops names", new() { Regex = "b.*", Action = RelabelAction.LabelDrop }, "a=1 b1=2 b2=3", "a=1" },
        { "labelkeep keeps names", new() { Regex = "b.*", Action = RelabelAction.LabelKeep }, "a=1 b1=2 b2=3", "b1=2 b2=3" },
        { "lowercase", new() { SourceLabels = ["a"], TargetLabel = "d", Action = RelabelAction.Lowercase }, "a=FoÖ", "a=FoÖ d=foö" },
        { "uppercase", new() { SourceLabels = ["a"], TargetLabel = "d", Action = RelabelAction.Uppercase }, "a=foö", "a=foö d=FOÖ" },
        { "the name is a label like any other", new() { SourceLabels = ["__name__"], Regex = "traces_.*", Action = RelabelAction.Drop }, "__name__=traces_x", null },
    };

    [Theory]
    [MemberData(nameof(Rules))]
    public void A_rule_does_what_Prometheus_says(string what, RelabelOptions rule, string before, string? after)
    {
        var labels = Read(before);
        var kept = new Relabeler([rule]).Apply(labels);
        Assert.Equal((what, after), (what, kept ? Write(labels) : null));
    }

    [Fact]
    public void Rules_apply_one_after_the_other()
    {
        var labels = Read("a=foo");
        Assert.True(new Relabeler(
        [
            new() { SourceLabels = ["a"], TargetLabel = "b" },
            new() { SourceLabels = ["b"], Regex = "f(.*)", TargetLabel = "c" },
            new() { Regex = "a|b", Action = RelabelAction.LabelDrop },
        ]).Apply(labels));
        Assert.Equal("c=oo", Write(labels));
    }

    [Theory]
    [InlineData("(")]
    [InlineData("[a")]
    [InlineData(@"(a)\1")]
    [InlineData("(?=a)")]
    [InlineData("(?<!a)b")]
    [InlineData(@"\Z")]
    [InlineData(@"a\")]
    [InlineData("(?x)a")]
    [InlineData("(?P<a>x)(?P<a>y)")]
    public void An_expression_that_is_not_RE2_is_refused(string pattern)
    {
        var e = Assert.Throws<ArgumentException>(() => new Relabeler([new() { SourceLabels = ["a"], TargetLabel = "b" }, new() { Regex = pattern, TargetLabel = "c" }]));
        Assert.StartsWith($"write_relabel_configs[1].regex: '{pattern}' is not a regular expression", e.Message);
    }

    public static TheoryData<RelabelOptions, string> Invalid() => new()
    {
        { new() { SourceLabels = ["a"] }, "write_relabel_configs[0].target_label: replace needs one" },
        { new() { SourceLabels = ["a"], TargetLabel = "b", Action = RelabelAction.HashMod }, "write_relabel_configs[0].modulus: hashmod needs one greater than 0" },
        { new() { SourceLabels = ["a"], TargetLabel = "b", Action = RelabelAction.Lowercase, Replacement = "x" }, "write_relabel_configs[0].replacement: 'x' has no meaning for lowercase; leave it out" },
        { new() { SourceLabels = ["a"], TargetLabel = "b", Action = RelabelAction.KeepEqual, Regex = "x" }, "write_relabel_configs[0]: keepequal takes source_labels and target_label only" },
        { new() { SourceLabels = ["a"], Action = RelabelAction.LabelDrop }, "write_relabel_configs[0]: labeldrop takes regex only" },
    };

    [Theory]
    [MemberData(nameof(Invalid))]
    public void An_invalid_rule_is_refused_with_its_key(RelabelOptions rule, string error) =>
        Assert.Equal(error, Assert.Throws<ArgumentException>(() => new Relabeler([rule])).Message);

    // A space separates labels here, so one in a value is written as an underscore.
    private static Dictionary<string, string> Read(string text) =>
        text.Split(' ').Select(l => l.Split('=', 2)).ToDictionary(p => p[0], p => p[1]);

    private static string Write(Dictionary<string, string> labels) =>
        string.Join(' ', labels.OrderBy(l => l.Key, StringComparer.Ordinal).Select(l => $"{l.Key}={l.Value.Replace(' ', '_')}"));
}
