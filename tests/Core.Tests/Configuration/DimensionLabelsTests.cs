using System.Text;
using OrleansTempo.Core.Configuration.Generator;

namespace OrleansTempo.Core.Tests.Configuration;

public sealed class DimensionLabelsTests
{
    [Theory]
    [InlineData("http.method", "http_method")]
    [InlineData("a-b c/d", "a_b_c_d")]
    [InlineData("é", "_")]
    [InlineData("service", "__service")]
    [InlineData("span.name", "__span_name")]
    [InlineData("status_message", "__status_message")]
    [InlineData("2xx", "_2xx")]
    [InlineData("7", "_7")]
    [InlineData("", "_")]
    [InlineData("💥 1", "__1")]
    [InlineData("\n", "_")]
    public void An_attribute_becomes_a_label(string attribute, string label) => Assert.Equal(label, LabelName.Sanitize(attribute, LabelName.Intrinsic));

    [Theory]
    [InlineData("a.b a_b", "", null)]
    [InlineData("a.b", "c", null)]
    [InlineData("", "service", null)]
    [InlineData("a.b", "a_b", "dimension mapping 'a_b' makes the label 'a_b', which dimension 'a.b' makes already")]
    [InlineData("le __name__", "le __name__ le", null)]
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
    [InlineData("é", false)]
    [InlineData("a\n", false)]
    public void A_label_name_is_one_that_every_Prometheus_takes(string name, bool valid)
    {
        Assert.Equal(valid, LabelName.IsValid(name));
        Assert.Equal(valid, LabelName.IsValid(Encoding.UTF8.GetBytes(name)));
    }

    [Fact]
    public void Whatever_an_attribute_is_called_its_label_has_a_valid_name()
    {
        var random = new Random(1);
        for (var i = 0; i < 10_000; i++)
        {
            var name = string.Concat(Enumerable.Range(0, random.Next(5)).Select(_ => (char)(random.Next(2) == 0 ? random.Next(128) : random.Next(char.MaxValue))));
            Assert.True(LabelName.IsValid(LabelName.Sanitize(name)), name);
        }
    }
}
