using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Generator.SpanMetrics;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Tests.Otlp;
using Kind = OrleansTempo.Tests.Otlp.Span.Types.SpanKind;

namespace OrleansTempo.Core.Tests.Generator.SpanMetrics;

public sealed class SpanFilterTests
{
    [Theory]
    [InlineData("kind", "SPAN_KIND_SERVER", true)]
    [InlineData("span:kind", "SPAN_KIND_SERVER", true)]
    [InlineData("kind", "SPAN_KIND_CLIENT", false)]
    [InlineData("status", "STATUS_CODE_ERROR", true)]
    [InlineData("span:status", "STATUS_CODE_OK", false)]
    [InlineData("name", "GET /cart", true)]
    [InlineData("span:name", "GET /cart", true)]
    [InlineData("name", "GET", false)]
    [InlineData("resource.service.name", "cart", true)]
    [InlineData("span.service.name", "cart", false)]
    [InlineData("span.http.route", "/cart", true)]
    [InlineData("resource.http.route", "/cart", false)]
    [InlineData("span.\"http.route\"", "/cart", true)]
    [InlineData("span.http.route", "/", false)]
    [InlineData("span.http.status", 200L, true)]
    [InlineData("span.http.status", 500L, false)]
    [InlineData("span.http.status", "200", false)]
    [InlineData("span.ratio", 0.5, true)]
    [InlineData("span.ratio", 0.25, false)]
    [InlineData("span.retried", true, true)]
    [InlineData("span.retried", false, false)]
    [InlineData("span.absent", "", false)]
    [InlineData("span.absent", 0L, false)]
    [InlineData("span.absent", false, false)]
    public void A_strict_condition_compares_value_and_type(string key, object value, bool matches) =>
        Assert.Equal(matches, Takes(Include(PolicyMatchType.Strict, (key, value))));

    [Theory]
    [InlineData("span.http.route", 0L, true)]
    [InlineData("span.http.route", 0.0, true)]
    [InlineData("span.http.route", false, true)]
    [InlineData("span.http.status", "", true)]
    [InlineData("span.http.status", true, false)]
    public void A_value_of_another_type_counts_as_the_zero_of_the_wanted_type(string key, object value, bool matches) =>
        Assert.Equal(matches, Takes(Include(PolicyMatchType.Strict, (key, value))));

    [Theory]
    [InlineData("kind", "SERVER|CLIENT", true)]
    [InlineData("kind", "^SERVER", false)]
    [InlineData("status", "ERR", true)]
    [InlineData("name", "/cart$", true)]
    [InlineData("name", "^/cart", false)]
    [InlineData("resource.service.name", "^c.+t$", true)]
    [InlineData("span.http.route", @"^\Q/\E[[:alpha:]]+\z", true)]
    [InlineData("span.http.status", "200", false)]
    [InlineData("span.http.status", "^$", true)]
    [InlineData("span.absent", ".*", false)]
    public void A_regex_may_match_anywhere_and_has_RE2_semantics(string key, string pattern, bool matches) =>
        Assert.Equal(matches, Takes(Include(PolicyMatchType.Regex, (key, pattern))));

    [Fact]
    public void Only_the_first_attribute_with_the_key_counts()
    {
        Assert.True(Takes(Include(PolicyMatchType.Strict, ("span.twice", "first"))));
        Assert.False(Takes(Include(PolicyMatchType.Strict, ("span.twice", "second"))));
        Assert.False(Takes(Include(PolicyMatchType.Regex, ("span.twice", "second"))));
    }

    [Fact]
    public void All_conditions_of_a_policy_must_hold()
    {
        Assert.True(Takes(Include(PolicyMatchType.Strict, ("kind", "SPAN_KIND_SERVER"), ("resource.service.name", "cart"))));
        Assert.False(Takes(Include(PolicyMatchType.Strict, ("kind", "SPAN_KIND_SERVER"), ("resource.service.name", "web"))));
        Assert.False(Takes(Include(PolicyMatchType.Strict, ("kind", "SPAN_KIND_CLIENT"), ("resource.service.name", "cart"))));
        Assert.True(Takes(Include(PolicyMatchType.Strict)));
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("include:yes", true)]
    [InlineData("include:no", false)]
    [InlineData("include:yes include:yes", true)]
    [InlineData("include:yes include:no", false)]
    [InlineData("any:yes", true)]
    [InlineData("any:no", false)]
    [InlineData("any:no any:yes", true)]
    [InlineData("any:yes include:no", true)]
    [InlineData("any:no include:yes", true)]
    [InlineData("any:no include:no", false)]
    [InlineData("exclude:yes", false)]
    [InlineData("exclude:no", true)]
    [InlineData("exclude:no exclude:yes", false)]
    [InlineData("exclude:yes include:yes any:yes", false)]
    [InlineData("exclude:no include:no", false)]
    [InlineData("exclude:no any:no", false)]
    public void Exclude_comes_first_then_include_any_then_include(string policies, bool takes) =>
        Assert.Equal(takes, Takes([.. policies.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Policy)]));

    [Fact]
    public void One_policy_can_have_all_three_parts()
    {
        var policy = new FilterPolicyOptions { Include = Match("yes"), IncludeAny = Match("no"), Exclude = Match("no") };

        Assert.True(Takes(policy));
        Assert.False(Takes(policy with { Exclude = Match("yes") }));
    }

    [Theory]
    [InlineData(PolicyMatchType.Strict, "nothing", "x", "filter policy key 'nothing' is not supported; allowed are kind, status, name, resource.KEY and span.KEY")]
    [InlineData(PolicyMatchType.Strict, "span.", "x", "filter policy key 'span.' is not supported; allowed are kind, status, name, resource.KEY and span.KEY")]
    [InlineData(PolicyMatchType.Regex, "resource.", "x", "filter policy key 'resource.' is not supported; allowed are kind, status, name, resource.KEY and span.KEY")]
    [InlineData(PolicyMatchType.Strict, "kind", "server", "filter policy value of kind is 'server'; allowed are SPAN_KIND_UNSPECIFIED, SPAN_KIND_INTERNAL, SPAN_KIND_SERVER, SPAN_KIND_CLIENT, SPAN_KIND_PRODUCER, SPAN_KIND_CONSUMER")]
    [InlineData(PolicyMatchType.Strict, "kind", 2L, "filter policy value of kind is '2'; allowed are SPAN_KIND_UNSPECIFIED")]
    [InlineData(PolicyMatchType.Strict, "status", "ERROR", "filter policy value of status is 'ERROR'; allowed are STATUS_CODE_UNSET, STATUS_CODE_OK, STATUS_CODE_ERROR")]
    [InlineData(PolicyMatchType.Strict, "name", 5L, "filter policy value of name is not a string: 5")]
    [InlineData(PolicyMatchType.Regex, "span.a", 5L, "filter policy value of span.a is not a regular expression: 5")]
    [InlineData(PolicyMatchType.Regex, "span.a", "(", "filter policy regular expression '(' is not valid: ")]
    [InlineData(PolicyMatchType.Regex, "kind", "(?=a)", "filter policy regular expression '(?=a)' is not valid: ")]
    public void A_policy_that_is_not_valid_is_refused_with_the_reason(PolicyMatchType type, string key, object value, string message)
    {
        foreach (var policy in new[]
        {
            new FilterPolicyOptions { Include = Match(type, (key, value)) },
            new FilterPolicyOptions { IncludeAny = Match(type, (key, value)) },
            new FilterPolicyOptions { Exclude = Match(type, (key, value)) },
        })
            Assert.StartsWith(message, Assert.Throws<ArgumentException>(() => new SpanFilter([policy])).Message);
    }

    private static FilterPolicyOptions Include(PolicyMatchType type, params (string Key, object Value)[] tests) => new() { Include = Match(type, tests) };

    private static FilterPolicyOptions Policy(string text) => text.Split(':') switch
    {
        ["include", var match] => new() { Include = Match(match) },
        ["any", var match] => new() { IncludeAny = Match(match) },
        ["exclude", var match] => new() { Exclude = Match(match) },
        _ => throw new ArgumentException(text),
    };

    private static PolicyMatchOptions Match(string matches) => Match(PolicyMatchType.Strict, ("name", matches == "yes" ? "GET /cart" : "other"));

    private static PolicyMatchOptions Match(PolicyMatchType type, params (string Key, object Value)[] tests) => new()
    {
        MatchType = type,
        Attributes = [.. tests.Select(t => new PolicyAttributeOptions { Key = t.Key, Value = t.Value })],
    };

    private static bool Takes(params FilterPolicyOptions[] policies)
    {
        var span = GeneratorBench.Span(
            "GET /cart",
            Kind.Server,
            1,
            attributes: [("http.route", "/cart"), ("http.status", 200), ("ratio", 0.5), ("retried", true), ("twice", "first"), ("twice", "second")]);
        span.Status = new Status { Code = Status.Types.StatusCode.Error };
        using var batch = new OneSpan(span, ("service.name", "cart"));
        return new SpanFilter(policies).Takes(batch.Batch, batch.Batch.Spans[0]);
    }
}
