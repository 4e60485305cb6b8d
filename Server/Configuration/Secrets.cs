namespace OrleansTempo.Server.Configuration;

/// <summary>What must not be shown, and what stands in its place.</summary>
internal static class Secrets
{
    public const string Mask = "<secret>";

    private static readonly string[] Telling = ["authorization", "key", "token", "secret", "password", "cookie", "credential"];

    /// <summary>Whether a header of this name likely carries a credential.</summary>
    public static bool IsTellingHeader(string name) => Telling.Any(part => name.Contains(part, StringComparison.OrdinalIgnoreCase));

    /// <summary>The URL without the password in front of its host, and without what its query says under a telling name.</summary>
    public static string MaskUrl(string url)
    {
        var scheme = url.IndexOf("://", StringComparison.Ordinal);
        if (scheme < 0)
            return url;

        var start = scheme + 3;
        var end = url.AsSpan(start).IndexOfAny('/', '?', '#');
        end = end < 0 ? url.Length : start + end;
        var at = url.AsSpan(start, end - start).LastIndexOf('@');
        if (at >= 0)
        {
            var colon = url.AsSpan(start, at).IndexOf(':');
            var user = colon < 0 ? Mask : $"{url.AsSpan(start, colon)}:{Mask}";
            url = $"{url.AsSpan(0, start)}{user}{url.AsSpan(start + at)}";
        }

        var query = url.IndexOf('?');
        return query < 0 ? url : url[..(query + 1)] + string.Join('&', url[(query + 1)..].Split('&').Select(MaskParameter));
    }

    private static string MaskParameter(string parameter)
    {
        var equals = parameter.IndexOf('=');
        return equals >= 0 && IsTellingHeader(parameter[..equals]) ? parameter[..(equals + 1)] + Mask : parameter;
    }
}
