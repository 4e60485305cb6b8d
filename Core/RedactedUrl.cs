namespace OrleansTempo.Core;

/// <summary>
/// Redacts a URL for logs, metrics, pages and errors: <c>xxxxx</c>, as Go writes it, replaces a password or token before the host, and
/// the values in the query and the fragment. Names in the query stay, so that two URLs can be told apart.
/// <code>
/// https://user:pass@host/push?token=abc&amp;v=2     becomes    https://user:xxxxx@host/push?token=xxxxx&amp;v=xxxxx
/// </code>
/// </summary>
public static class RedactedUrl
{
    private const string Mask = "xxxxx";

    /// <summary>Returns the URL, or the text that was meant to be one, without its secrets.</summary>
    public static string Of(string url)
    {
        var scheme = url.IndexOf("://", StringComparison.Ordinal);
        var start = scheme < 0 ? 0 : scheme + 3;

        // An invalid URL may contain a password that was not escaped, so everything before the last @ may be part of it.
        var isUrl = scheme >= 0 && Uri.TryCreate(url, UriKind.Absolute, out _);
        var authority = url.AsSpan(start);
        if (isUrl && authority.IndexOfAny('/', '?', '#') is >= 0 and var end)
            authority = authority[..end];
        var at = authority.LastIndexOf('@');
        if (at >= 0)
        {
            var colon = isUrl ? authority[..at].IndexOf(':') : -1;
            url = $"{url.AsSpan(0, start)}{authority[..Math.Max(colon + 1, 0)]}{Mask}{url.AsSpan(start + at)}";
        }

        var query = url.AsSpan().IndexOfAny('?', '#');
        return query < 0 ? url : url[..query] + Parameters(url[query..]);
    }

    // The query starts with its ? or #.
    private static string Parameters(string query)
    {
        var fragment = query.IndexOf('#');
        var parameters = fragment < 0 ? query : query[..fragment];
        var shown = parameters.Length == 0 ? "" : "?" + string.Join('&', parameters[1..].Split('&').Select(Parameter));
        return fragment < 0 ? shown : shown + "#" + Mask;
    }

    private static string Parameter(string parameter)
    {
        var equals = parameter.IndexOf('=');
        return parameter.Length == 0 || equals == parameter.Length - 1 ? parameter : parameter[..(equals + 1)] + Mask;
    }
}
