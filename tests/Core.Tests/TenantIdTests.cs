namespace OrleansTempo.Core.Tests;

public sealed class TenantIdTests
{
    [Theory]
    [InlineData("a")]
    [InlineData("team-1")]
    [InlineData("Az09!-_.*'()")]
    [InlineData("...")]
    [InlineData(".a")]
    public void Valid_tenant_IDs_are_accepted(string text)
    {
        Assert.True(TenantId.TryParse(text, out var tenant, out var error), error);
        Assert.Equal(text, tenant.Value);
        Assert.Equal(text, tenant.ToString());
    }

    [Theory]
    [InlineData(null, "no org id")]
    [InlineData("", "no org id")]
    [InlineData(".", "tenant ID '.' is not allowed: it is a path segment")]
    [InlineData("..", "tenant ID '..' is not allowed: it is a path segment")]
    [InlineData("a/b", "tenant ID 'a/b' contains unsupported character '/'; allowed are a-z, A-Z, 0-9 and !-_.*'()")]
    [InlineData("a b", "tenant ID 'a b' contains unsupported character ' '; allowed are a-z, A-Z, 0-9 and !-_.*'()")]
    [InlineData("a|b", "tenant ID 'a|b' contains unsupported character '|'; allowed are a-z, A-Z, 0-9 and !-_.*'()")]
    [InlineData("é", "tenant ID 'é' contains unsupported character 'é'; allowed are a-z, A-Z, 0-9 and !-_.*'()")]
    public void Invalid_tenant_IDs_are_refused(string? text, string message)
    {
        Assert.False(TenantId.TryParse(text, out var tenant, out var error));
        Assert.Equal(message, error);
        Assert.Equal(default, tenant);
    }

    [Fact]
    public void A_tenant_has_at_most_150_characters()
    {
        Assert.True(TenantId.TryParse(new string('a', 150), out _, out _));
        Assert.False(TenantId.TryParse(new string('a', 151), out _, out var error));
        Assert.Equal("tenant ID is too long: 151 characters, at most 150 are allowed", error);
    }
}
