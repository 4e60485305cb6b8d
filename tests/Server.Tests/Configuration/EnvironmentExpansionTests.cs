using OrleansTempo.Core.Configuration.Generator;
using static OrleansTempo.Server.Tests.Configuration.ConfigurationText;

namespace OrleansTempo.Server.Tests.Configuration;

public sealed class EnvironmentExpansionTests
{
    [Theory]
    [InlineData("${A}", "a")]
    [InlineData("x${A}y${A}z", "xayaz")]
    [InlineData("${A:-b}", "a")]
    [InlineData("${EMPTY:-b}", "b")]
    [InlineData("${UNSET:-b}", "b")]
    [InlineData("${UNSET:=b}", "b")]
    [InlineData("${UNSET=b}", "b")]
    [InlineData("${UNSET-b}", "b")]
    [InlineData("${UNSET:b}", "b")]
    [InlineData("${UNSET:-http://h:9090/w}", "http://h:9090/w")]
    [InlineData("${UNSET:-${A}-${UNSET:-c}}", "a-c")]
    [InlineData("$${A}", "${A}")]
    [InlineData("$A $$A $1 ${1} $", "$A $$A $1 ${1} $")]
    [InlineData("${UNSET:-}", "")]
    public void Variables_are_put_in(string written, string expected)
    {
        var options = Options($"metrics_generator: {{registry: {{external_labels: {{a: \"{written}\"}}}}}}", ("A", "a"), ("EMPTY", ""));

        Assert.Equal(expected, options.MetricsGenerator.Registry.ExternalLabels["a"]);
    }

    [Fact]
    public void A_variable_may_hold_a_number_or_a_list()
    {
        var options = Options(
            """
            server: {http_listen_port: ${PORT}}
            overrides: {defaults: {metrics_generator: {processors: ${PROCESSORS:-[span-metrics, service-graphs]}}}}
            """,
            ("PORT", "8080"));

        Assert.Equal(8080, options.Server.HttpListenPort);
        Assert.Equal([ProcessorNames.SpanMetrics, ProcessorNames.ServiceGraphs], options.Overrides.Defaults.MetricsGenerator.Processors);
    }

    [Fact]
    public void A_variable_without_value_or_default_is_a_warning() => Assert.Equal(
        ["tempo.yaml:2:20: the environment variable PORT is not set and ${PORT} has no default, so it is empty here"],
        Warnings("server:\r\n http_listen_port: ${PORT}\r\n"));

    [Fact]
    public void Problems_are_found_where_they_were_written_whatever_was_put_in_before_them() => Assert.Equal(
        [
            "tempo.yaml:1:28: server.http_listen_port: 'x' is not allowed; it must be a whole number from 0 to 65535",
            "tempo.yaml:1:63: server.log_level: 'loud' is not known; allowed: debug, info, warn, error",
            "tempo.yaml:2:36: distributor.max_attribute_bytes: 'y' is not allowed; it must be a whole number of at least 0",
        ],
        Errors(
            "server: {http_listen_port: ${A}, log_format: ${B}, log_level: loud}\ndistributor: {max_attribute_bytes: ${C}}",
            ("A", "x"), ("B", "json\n"), ("C", "y")));

    [Fact]
    public void Comment_lines_are_left_alone() => Assert.Empty(Warnings("# a ${VARIABLE and ${another\n  # ${x^^}\nserver: {}\n"));

    [Theory]
    [InlineData("a: ${A^^}", "tempo.yaml:1:4: ${A^...} is not supported; allowed are ${A} and ${A:-default}")]
    [InlineData("a: ${A", "tempo.yaml:1:4: ${A is not closed with a brace")]
    [InlineData("a: ${A:-b\nc: d}", "tempo.yaml:1:4: ${A is not closed with a brace on its line")]
    public void What_is_not_understood_is_an_error(string text, string error) => Assert.Contains(error, Errors(text));

    [Theory]
    [InlineData("abc #1")]
    [InlineData("#abc")]
    [InlineData("'abc'")]
    [InlineData("\"abc\"")]
    [InlineData("&abc")]
    [InlineData("&abc def")]
    [InlineData("!abc")]
    [InlineData("!abc def")]
    [InlineData("|")]
    [InlineData(">")]
    [InlineData(" abc")]
    [InlineData("abc ")]
    [InlineData("~")]
    [InlineData("null")]
    public void A_value_that_YAML_changes_is_a_warning_with_the_variables_name_and_line(string value) => Assert.Equal(
        ["tempo.yaml:4:17: YAML does not take the value of ${PASSWORD} as it is; write '${PASSWORD}' in single quotes, and in the value two for each that it holds"],
        Warnings("metrics_generator:\n  registry:\n    external_labels:\n      password: ${PASSWORD}\n", ("PASSWORD", value)));

    [Theory]
    [InlineData("${A}", "it's")]
    [InlineData("'${A}'", "abc #1: {x} & \"y\"")]
    [InlineData("\"${A}\"", "abc #1: {x} & 'y'")]
    [InlineData("\"${A}\"", "a\\tb", true)]
    [InlineData("'${A}'", "it''s", true)]
    [InlineData("${A}", "abc\n")]
    [InlineData("x-${A}-y", "a b")]
    [InlineData("${A}", "${B}")]
    [InlineData("|-\n          abc #${A}", "1 # '")]
    [InlineData("x # ${A}", "abc # ' {")]
    [InlineData("${UNSET:-'${A}'}", "abc # {")]
    [InlineData("${UNSET:-${A}}", "abc # {", true)]
    public void A_value_that_comes_through_as_it_is_is_no_warning(string written, string value, bool isChanged = false) => Assert.Equal(
        isChanged ? 1 : 0,
        Warnings($"metrics_generator:\n  registry:\n    external_labels:\n        a: {written}", ("A", value)).Length);

    [Fact]
    public void A_list_or_lines_of_YAML_in_a_variable_are_no_warning() => Assert.Empty(Warnings(
        "overrides: {defaults: {metrics_generator: {processors: ${PROCESSORS}}}}\n${MORE}\n",
        ("PROCESSORS", "[span-metrics, service-graphs]"),
        ("MORE", "server:\n  http_listen_port: 3201")));

    [Theory]
    [InlineData("a: b")]
    [InlineData("@abc")]
    [InlineData("[abc")]
    [InlineData("%abc")]
    public void A_value_that_YAML_cannot_read_is_an_error_that_names_the_variable_and_not_the_value(string value)
    {
        var error = Errors("http_api_prefix: /x\nhttp_api_prefix2: ${PASSWORD}\n", ("PASSWORD", value))[0];

        Assert.Contains("write '${PASSWORD}' in single quotes", error);
        Assert.DoesNotContain(value, error);
    }
}
