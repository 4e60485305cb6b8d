namespace OrleansTempo.Azure.Tests;

public sealed class BlobNamesTests
{
    [Theory]
    [InlineData("", "acme/data", "acme/data")]
    [InlineData("tempo", "acme/data", "tempo/acme/data")]
    [InlineData("/tempo/eu/", "acme/data", "tempo/eu/acme/data")]
    [InlineData("tempo.", "acme./data.", "tempo.!/acme.!/data.!")]
    [InlineData("", ".../a.b", "...!/a.b")]
    public void An_object_name_becomes_a_blob_name_and_back(string prefix, string name, string blob)
    {
        var names = new BlobNames(prefix);

        Assert.Equal(blob, names.BlobName(name));
        Assert.True(names.TryObjectName(blob, out var back));
        Assert.Equal(name, back);
    }

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("/acme")]
    [InlineData("acme/")]
    [InlineData("acme//data")]
    [InlineData("acme/./data")]
    [InlineData("acme/..")]
    [InlineData("acme data")]
    [InlineData("acme\\data")]
    [InlineData("acmé")]
    public void An_invalid_object_name_is_refused(string name)
    {
        var names = new BlobNames("");

        var error = Assert.Throws<ArgumentException>(() => names.BlobName(name));

        Assert.StartsWith($"'{name}' is not an object's name", error.Message, StringComparison.Ordinal);
        Assert.False(names.TryObjectName(name, out _));
    }

    [Fact]
    public void A_name_that_is_too_long_for_a_blob_with_its_prefix_is_refused()
    {
        var names = new BlobNames("tempo");

        Assert.Equal(1024, names.BlobName(new string('a', 1018)).Length);
        var error = Assert.Throws<ArgumentException>(() => names.BlobName(new string('a', 1019)));
        Assert.Contains("1025 characters, and at most 1024 are allowed", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_blob_outside_the_prefix_is_not_an_object() => Assert.False(new BlobNames("tempo").TryObjectName("tempo2/data", out _));
}
