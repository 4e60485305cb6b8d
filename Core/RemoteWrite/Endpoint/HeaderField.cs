using System.Buffers;
using System.Collections.Frozen;

namespace OrleansTempo.Core.RemoteWrite.Endpoint;

/// <summary>
/// Validates the headers of remote write requests. The HTTP client writes a header as it is given, so a line break in a value would
/// add headers, or a body, that nobody configured.
/// </summary>
public static class HeaderField
{
    /// <summary>The header that authenticates. A tenant may set it; an endpoint has separate keys for it.</summary>
    public const string Authorization = "Authorization";

    private const string LineBreakRule = "a header is one line";

    // Headers that the protocol sets or that describe the connection: those that Prometheus refuses, and the hop-by-hop headers that it misses.
    private static readonly FrozenSet<string> s_reserved = FrozenSet.Create(
        StringComparer.OrdinalIgnoreCase,
        "Accept-Encoding", "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Expect", "Host", "Keep-Alive", "Proxy-Authenticate",
        "Proxy-Authorization", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "User-Agent", "WWW-Authenticate",
        "X-Prometheus-Remote-Read-Version", "X-Prometheus-Remote-Write-Version");

    private static readonly SearchValues<char> s_nameCharacters =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    private static readonly SearchValues<char> s_valueCharacters = SearchValues.Create("\t" + string.Concat(Enumerable.Range(' ', '~' - ' ' + 1).Select(static c => (char)c)));

    /// <summary>What is wrong with the name of a header, as the rest of a sentence that starts with it; null for nothing.</summary>
    public static string? NameProblem(string name)
    {
        if (name.Length == 0 || name.AsSpan().ContainsAnyExcept(s_nameCharacters))
            return "is not a header name; allowed are letters, digits and !#$%&'*+-.^_`|~";
        return s_reserved.Contains(name) ? "is a header that remote write sets itself" : null;
    }

    /// <summary>What is wrong with the value of a header, as the rest of a sentence that starts with its key; null for nothing. Never contains the value, which may be a secret.</summary>
    public static string? ValueProblem(string value)
    {
        var position = value.AsSpan().IndexOfAnyExcept(s_valueCharacters);
        return position < 0 ? null : Problem(value, position, char.IsAscii(value[position]) ? "is a control character" : "is not ASCII");
    }

    /// <summary>As <see cref="ValueProblem"/>, for a user name or password, which is sent in base64 and may use any script.</summary>
    public static string? CredentialProblem(string text)
    {
        var position = text.AsSpan().IndexOfAnyInRange('\0', '\x1F');
        return position < 0 ? null : Problem(text, position, "is a control character");
    }

    /// <summary>As <see cref="CredentialProblem"/>, for a user name, which ends at the first colon.</summary>
    public static string? UserProblem(string user) =>
        user.Contains(':') ? "holds a colon, which ends a user name in HTTP's basic authentication" : CredentialProblem(user);

    private static string Problem(string value, int position, string what)
    {
        if (value[position] is not ('\r' or '\n'))
            return $"cannot be sent in a header: character {position + 1} {what}";
        return value.AsSpan(position).ContainsAnyExcept('\r', '\n')
            ? $"holds a line break, and {LineBreakRule}"
            : $"ends in a line break, and {LineBreakRule}; in YAML, write |- where you wrote |";
    }
}
