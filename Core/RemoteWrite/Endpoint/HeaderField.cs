using System.Buffers;
using System.Collections.Frozen;

namespace OrleansTempo.Core.RemoteWrite.Endpoint;

/// <summary>
/// What a header of a remote write request may be. The HTTP client writes a header as it is given: after a line break in a value would
/// come headers, or a body, that nobody configured.
/// </summary>
public static class HeaderField
{
    /// <summary>Of the headers, the one that authenticates; a tenant may set it, an endpoint has keys of their own for it.</summary>
    public const string Authorization = "Authorization";

    private const string LineBreakRule = "a header is one line";

    // What the protocol itself sets, or speaks of the connection: as Prometheus refuses them, and HTTP's hop-by-hop headers that it leaves out.
    private static readonly FrozenSet<string> s_reserved = FrozenSet.Create(
        StringComparer.OrdinalIgnoreCase,
        "Accept-Encoding", "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Expect", "Host", "Keep-Alive", "Proxy-Authenticate",
        "Proxy-Authorization", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "User-Agent", "WWW-Authenticate",
        "X-Prometheus-Remote-Read-Version", "X-Prometheus-Remote-Write-Version");

    private static readonly SearchValues<char> s_nameCharacters =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    private static readonly SearchValues<char> s_valueCharacters = SearchValues.Create("\t" + string.Concat(Enumerable.Range(' ', '~' - ' ' + 1).Select(static c => (char)c)));

    /// <summary>What is wrong with a header's name, to follow it in a sentence; null where nothing is.</summary>
    public static string? NameProblem(string name)
    {
        if (name.Length == 0 || name.AsSpan().ContainsAnyExcept(s_nameCharacters))
            return "is not a header name; allowed are letters, digits and !#$%&'*+-.^_`|~";
        return s_reserved.Contains(name) ? "is a header that remote write sets itself" : null;
    }

    /// <summary>What is wrong with a header's value, to follow its key in a sentence, without the value, which may be a secret; null where nothing is.</summary>
    public static string? ValueProblem(string value)
    {
        var position = value.AsSpan().IndexOfAnyExcept(s_valueCharacters);
        return position < 0 ? null : Problem(value, position, char.IsAscii(value[position]) ? "is a control character" : "is not ASCII");
    }

    /// <summary>As <see cref="ValueProblem"/>, of a user or password, which are sent in base64 and may be in any script.</summary>
    public static string? CredentialProblem(string text)
    {
        var position = text.AsSpan().IndexOfAnyInRange('\0', '\x1F');
        return position < 0 ? null : Problem(text, position, "is a control character");
    }

    /// <summary>As <see cref="CredentialProblem"/>, of a user, whom the first colon ends.</summary>
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
