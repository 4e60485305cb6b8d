using OrleansTempo.Core.Overrides;

namespace OrleansTempo.Core.Tests.Overrides;

public sealed class DimensionLabelsTests
{
    [Theory]
    [InlineData("http.method", "http_method")]
    [InlineData("a-b c/d", "a_b_c_d")]
    [InlineData("é", "_")]
    [InlineData("service", "__service")]
    [InlineData("span.name", "__span_name")]
    [InlineData("status_message", "__status_message")]
    public void An_attribute_becomes_a_label(string attribute, string label) => Assert.Equal(label, LabelName.Sanitize(attribute, LabelName.Intrinsic));

    [Theory]
    [InlineData("a.b a_b", "", null)]
    [InlineData("a.b", "c", null)]
    [InlineData("", "service", null)]
    [InlineData("a.b", "a_b", "dimension mapping 'a_b' makes the label 'a_b', which dimension 'a.b' makes already")]
    [InlineData("", "a a", "dimension mapping 'a' makes the label 'a', which dimension mapping 'a' makes already")]
    public void A_mapping_needs_a_label_of_its_own(string dimensions, string mappings, string? collision)
    {
        var options = new SpanMetricsOptions
        {
            Dimensions = dimensions.Split(' ', StringSplitOptions.RemoveEmptyEntries),
            DimensionMappings = [.. mappings.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(name => new DimensionMappingOptions { Name = name })],
        };

        Assert.Equal(collision, DimensionLabels.Collision(options));
    }

    [Theory]
    [InlineData("a", true)]
    [InlineData("_a1", true)]
    [InlineData("", false)]
    [InlineData("1a", false)]
    [InlineData("a.b", false)]
    public void A_label_name_is_one_that_every_Prometheus_takes(string name, bool valid) => Assert.Equal(valid, LabelName.IsValid(name));
}
