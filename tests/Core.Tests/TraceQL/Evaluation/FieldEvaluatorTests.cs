using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.TraceQL.Evaluation;
using static OrleansTempo.Core.Tests.TraceQL.Evaluation.TraceBuilder;

namespace OrleansTempo.Core.Tests.TraceQL.Evaluation;

public sealed class FieldEvaluatorTests
{
    // All that a condition can ask for, in one span.
    private static QueriedSpan Rich() => new()
    {
        Id = 0xab,
        ParentId = 0x0c,
        Name = "GET /cart",
        Kind = SpanKind.Client,
        Status = StatusCode.Error,
        StatusMessage = "boom",
        StartTimeUnixNano = 1_000_000_000,
        EndTimeUnixNano = 2_500_000_000,
        Attributes = Attributes(
            ("n", 5), ("half", 0.5), ("five", 5.0), ("text", "b"), ("yes", true), ("no", false), ("big", long.MaxValue), ("both", "span"), ("a-1", 1), ("a", 7), ("empty", ""), ("lines", "x\ny"),
            ("tags", new object[] { "red", "blue" }), ("numbers", new object[] { 1, 2, 3 }), ("none", Array.Empty<object>()), ("mixed", new object[] { "red", 1 }), ("bytes", new byte[1]), ("nil", "nil"), ("emoji", "\U0001F600")),
        Resource = Attributes(("service.name", "shop"), ("zone", "eu"), ("both", "resource")),
        ScopeName = "lib",
        ScopeVersion = "1.2",
        ScopeAttributes = Attributes(("built", "debug")),
        Events = [new("exception", 1_500_000_000, Attributes(("level", 1), ("type", "io"))), new("retry", 2_000_000_000, Attributes(("level", 2)))],
        Links = [new("00000000000000000000000000000abc", "00000000000000ef", Attributes(("why", "follows")))],
    };

    [Theory]

    // Absent: every comparison fails, != too; only nil asks for it.
    [InlineData(".missing != 1", false)]
    [InlineData(".missing !~ \"x\"", false)]
    [InlineData(".missing = .missing", false)]
    [InlineData(".missing = nil", true)]
    [InlineData("nil = .missing", true)]
    [InlineData(".missing != nil", false)]
    [InlineData(".n != nil && nil != .n", true)]
    [InlineData(".nil = nil", false)]
    [InlineData(".missing != \"x\" || .missing = nil", true)]
    [InlineData("true || .missing = 1", true)]
    [InlineData("(.missing + 1) = nil", true)]
    [InlineData(".missing", false)]
    [InlineData("!.missing", false)]
    [InlineData("!(.missing = 1)", true)]
    [InlineData("name != nil", true)]

    // Types: numbers compare with numbers; anything else with its own.
    [InlineData(".n = 5.0 && .five = 5", true)]
    [InlineData(".half < 1 && .half > 0 && .half != 1", true)]
    [InlineData(".n != \"5\"", false)]
    [InlineData(".text != 5", false)]
    [InlineData("5 = .n && 4 < .n && 6 >= .n", true)]
    [InlineData(".big = maxInt && .big > 9223372036854775806", true)]
    [InlineData("duration = 1500000000 && duration = 1.5s && duration > 1s && 1h > duration", true)]
    [InlineData("duration > traceDuration / 2", true)]
    [InlineData(".text > \"a\" && .text <= \"b\" && .text < \"ba\"", true)]
    [InlineData(".emoji > \"\uFFFD\"", true)]
    [InlineData(".empty = \"\"", true)]
    [InlineData(".yes && !.no", true)]
    [InlineData(".n", false)]
    [InlineData("!.n", false)]
    [InlineData(".n && true", false)]
    [InlineData("!(.n && true)", true)]
    [InlineData(".yes = true && .no != true && .no = false", true)]
    [InlineData(".yes > .no", false)]
    [InlineData("status = error && status != ok && kind = client && kind != server", true)]
    [InlineData(".bytes != nil", true)]
    [InlineData(".bytes = .bytes || .bytes != .n", false)]

    // Arithmetic.
    [InlineData(".n / 2 = 2 && .n % 2 = 1 && .n * 2 - 1 = 9 && -.n = -5", true)]
    [InlineData("2 ^ 3 = 8 && 2 ^ 3 ^ 2 = 512 && .half ^ 2 = 0.25", true)]
    [InlineData(".n / 0 = nil && .n % 0 = nil", true)]
    [InlineData(".n / 0 != 1", false)]
    [InlineData(".n / 0.0 > maxInt", true)]
    [InlineData("minInt / -1 = minInt && minInt % -1 = 0 && -(minInt) = minInt && maxInt + 1 = minInt", true)]
    [InlineData(".text + 1 = nil && -.text = nil", true)]
    [InlineData(".half * 1s = 500ms && 1s + 1s = 2s", true)]
    [InlineData("1 = .half + 0.5", true)]

    // Regular expressions match the whole text, line breaks included.
    [InlineData(".text =~ \"b\" && name =~ \"GET.*\" && name =~ `GET|GET /.*`", true)]
    [InlineData("name =~ \"GET\"", false)]
    [InlineData("name !~ \"GET\"", true)]
    [InlineData(".lines =~ \"x.y\"", true)]
    [InlineData(".n =~ \"5\" || .n !~ \"6\"", false)]

    // Arrays: = and the like want one element, != and !~ all.
    [InlineData(".tags = \"red\" && .tags = \"blue\" && .tags =~ \"r.*\" && .numbers > 2 && .numbers < 2 && 3 = .numbers && 2 < .numbers", true)]
    [InlineData(".tags != \"red\" || .tags !~ \"r.*\" || .numbers > 3 || 3 < .numbers", false)]
    [InlineData(".tags != \"green\" && .tags !~ \"g.*\" && .numbers != 4", true)]
    [InlineData(".tags != 1", false)]
    [InlineData(".mixed = 1 && .mixed = \"red\"", true)]
    [InlineData(".none = 1 || .none != 1 || .none !~ \"x\"", false)]
    [InlineData(".none != nil", true)]
    [InlineData(".tags = .tags || .tags != .numbers", false)]
    [InlineData("(.numbers + 1) = nil", true)]

    // Scopes.
    [InlineData(".both = \"span\" && span.both = \"span\" && resource.both = \"resource\"", true)]
    [InlineData(".zone = \"eu\" && span.zone = nil", true)]
    [InlineData(".built = nil && instrumentation.built = \"debug\"", true)]
    [InlineData("span.a-1 = 1 && (span.a - 1) = 6", true)]
    [InlineData("event.level = 1 && event.level = 2 && event.level != 3 && event.type = \"io\"", true)]
    [InlineData("event.level != 1", false)]
    [InlineData("event.missing = nil && link.missing = nil", true)]
    [InlineData("event:name = \"retry\" && event:name !~ \"x\" && event:timeSinceStart >= 1s && event:timeSinceStart < 600ms", true)]
    [InlineData("link.why = \"follows\" && link:traceID = \"abc\" && link:spanID = \"ef\" && link:spanID = \"00000000000000EF\"", true)]
    [InlineData("instrumentation:name = \"lib\" && instrumentation:version = \"1.2\"", true)]
    [InlineData("statusMessage = \"boom\" && span:statusMessage =~ \"b.*\"", true)]

    // IDs with and without leading zeros; regular expressions see all digits.
    [InlineData("span:id = \"ab\" && span:id = \"00000000000000ab\" && span:id = \"AB\" && span:id != \"ac\" && span:id =~ \"0+ab\"", true)]
    [InlineData("span:parentID = \"c\" && trace:id = \"0af7651916cd43dd8448eb211c80319c\" && trace:id = \"af7651916cd43dd8448eb211c80319c\"", true)]
    [InlineData("span:childCount = 0", true)]
    [InlineData("rootName = \"\" && rootServiceName = \"\"", true)]
    [InlineData("false || 1 = 2 || nil = nil || nil != nil", false)]
    [InlineData("1 + 1 = 2", true)]
    public void A_span_meets_a_condition(string condition, bool isMet)
    {
        Assert.Equal(isMet, Matches(condition, Rich()));
    }

    [Fact]
    public void A_service_without_a_name_has_an_empty_one()
    {
        var span = new QueriedSpan { Id = 1 };
        Assert.True(Matches("resource.service.name = \"\" && .service.name = \"\" && rootServiceName = \"\" && span.service.name = nil", span));
    }

    [Fact]
    public void A_span_that_ends_before_it_starts_has_no_duration()
    {
        Assert.True(Matches("duration = 0s && traceDuration = 0s", new QueriedSpan { Id = 1, StartTimeUnixNano = 5, EndTimeUnixNano = 3 }));
        Assert.True(Matches("duration = 292y || duration > 291y", new QueriedSpan { Id = 1, EndTimeUnixNano = ulong.MaxValue }));
    }

    [Fact]
    public void Of_two_attributes_with_one_key_the_first_counts()
    {
        Assert.True(Matches(".a = 1 && !(.a = 2)", Span(1, 0, ("a", 1), ("a", 2))));
    }
}
