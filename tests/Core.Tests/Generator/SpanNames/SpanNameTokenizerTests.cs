using System.Text;
using OrleansTempo.Core.Generator.SpanNames;

namespace OrleansTempo.Core.Tests.Generator.SpanNames;

public sealed class SpanNameTokenizerTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("checkout", "checkout")]
    [InlineData("GET /users/123", "GET| |/|users|/|123")]
    [InlineData("SELECT   orders_2024", "SELECT|   |orders|_|2024")]
    [InlineData("cart.Add(item)", "cart|.|Add|(|item|)")]
    [InlineData("order 0f8fad5b-d9cb-469f-a165-70867728950e done", "order| |0f8fad5b-d9cb-469f-a165-70867728950e| |done")]
    [InlineData("12ab/34zz", "12ab|/|34zz")]
    [InlineData("bed-and-breakfast", "bed-a|nd|-|breakfast")]
    [InlineData("my-bed", "my|-|bed")]
    [InlineData("a=%3Dx&b", "a|=|%3D|x|&|b")]
    [InlineData("100%", "100|%")]
    [InlineData("%zz%4z", "%|zz|%|4z")]
    [InlineData("%4", "%4")]
    [InlineData("%/", "%/")]
    [InlineData("a%b c", "a|%|b| |c")]
    [InlineData("/größe/価格9", "/|größe|/|価格9")]
    [InlineData("pay💳now", "pay|💳|now")]
    [InlineData("a\u00A0\t b", "a|\u00A0\t |b")]
    [InlineData("１２-３/x", "１２-３|/|x")]
    [InlineData("/a/<_>/b", "/|a|/|<|_|>|/|b")]
    public void A_name_is_cut_where_its_tokens_end(string name, string expected) => Assert.Equal(expected, Split(name));

    [Theory]
    [InlineData("/a/<_>/b", "/|a|/|<_>|/|b")]
    [InlineData("<_>-<_>x", "<_>|-|<_>|x")]
    [InlineData("%<_>", "%|<_>")]
    [InlineData("12-<_>zz", "12-|<_>|zz")]
    public void In_a_template_a_parameter_is_one_token(string name, string expected) => Assert.Equal(expected, Split(name, isTemplate: true));

    [Fact]
    public void More_tokens_than_fit_are_too_many()
    {
        Assert.Equal(3, SpanNameTokenizer.Split("a/b"u8, new int[3]));
        Assert.Equal(-1, SpanNameTokenizer.Split("a/b"u8, new int[2]));
    }

    [Theory]
    [InlineData("123", true)]
    [InlineData("7", true)]
    [InlineData("beef", false)]
    [InlineData("beef7", true)]
    [InlineData("0f8fad5b-d9cb-469f", true)]
    [InlineData("%3D", true)]
    [InlineData("v1", false)]
    [InlineData("v12", true)]
    [InlineData("item123", true)]
    [InlineData("customer12", false)]
    [InlineData("customer123", true)]
    [InlineData("users", false)]
    [InlineData("/", false)]
    [InlineData(" ", false)]
    [InlineData("１２", true)]
    public void Numbers_and_hexadecimal_tokens_are_data(string token, bool expected) => Assert.Equal(expected, SpanNameTokenizer.IsData(Encoding.UTF8.GetBytes(token)));

    private static string Split(string name, bool isTemplate = false)
    {
        var bytes = Encoding.UTF8.GetBytes(name);
        var ends = new int[64];
        var count = SpanNameTokenizer.Split(bytes, ends, isTemplate);
        return string.Join('|', ends.Take(count).Select((end, i) => Encoding.UTF8.GetString(bytes.AsSpan((i == 0 ? 0 : ends[i - 1])..end))));
    }
}
