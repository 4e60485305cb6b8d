namespace OrleansTempo.Core.Tests;

public sealed class RedactedUrlTests
{
    [Theory]
    [InlineData("http://h/a@b", "http://h/a@b")]
    [InlineData("https://u:p@h:1/x?y#z", "https://u:xxxxx@h:1/x?xxxxx#xxxxx")]
    [InlineData("https://u:p@q@h", "https://xxxxx@h")]
    [InlineData("https://token@h", "https://xxxxx@h")]
    [InlineData("https://h/push?a=secret&b=&c=x=y&secret", "https://h/push?a=xxxxx&b=&c=xxxxx&xxxxx")]
    [InlineData("https://h#secret", "https://h#xxxxx")]
    [InlineData("https://h?", "https://h?")]
    [InlineData("https://u:pa#ss@h/x?t=secret", "https://xxxxx@h/x?t=xxxxx")]
    [InlineData("user:secret@h/x?t=secret", "xxxxx@h/x?t=xxxxx")]
    [InlineData("not a url", "not a url")]
    [InlineData("", "")]
    public void A_URL_is_redacted_without_password_query_and_fragment(string url, string shown) => Assert.Equal(shown, RedactedUrl.Of(url));
}
