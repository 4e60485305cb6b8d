using System.Net;
using Microsoft.AspNetCore.Http;

namespace OrleansTempo.Server.Api;

/// <summary>
/// Who may do what is an operator's, as long as the server does not know who its callers are: those on the same machine, by the two
/// addresses of their connection. What a page of another site has a browser on this machine send is not from there.
/// </summary>
internal static class AdminAccess
{
    public const string Refusal = "this endpoint answers only callers on the same machine (in a browser there: http://localhost). Set server.admin_from_anywhere: true in the configuration to open it to everyone who can reach this port\n";

    public const string RefusalOfPage = "a web page of another site may not call this endpoint. Call it from a command line, or from a page of this server\n";

    // What a proxy says of whom it calls for. A proxy on this machine would make everyone a caller on it; what it says is believed no further than that it is one.
    private static readonly string[] s_proxyHeaders = ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"];

    /// <summary>Whether the caller is on this machine: connected over loopback, or from the address that it calls. One without an address is not.</summary>
    public static bool IsFromThisMachine(HttpContext context)
    {
        var connection = context.Connection;
        return connection.RemoteIpAddress is { } remote
            && (IPAddress.IsLoopback(remote) || (connection.LocalIpAddress is { } local && AsIPv4(remote).Equals(AsIPv4(local))))
            && !Array.Exists(s_proxyHeaders, context.Request.Headers.ContainsKey)
            && !MayBeForAnotherSitesPage(context.Request);
    }

    /// <summary>
    /// Whether a browser sends this for a page of another site, as browsers say themselves: by <c>Sec-Fetch-Site</c> to servers on their own machine and over TLS, by
    /// <c>Origin</c> with most of what changes something.
    /// </summary>
    public static bool IsForAnotherSitesPage(HttpRequest request) => request.Headers["Sec-Fetch-Site"] switch
    {
        { Count: 0 } => request.Headers.Origin is { Count: > 0 } origin && origin != $"{request.Scheme}://{request.Host}",
        var site => site != "same-origin" && site != "none",
    };

    // What a page of another site may have a browser on this machine send is kept out as well: by a name of its own that it has pointed here, which makes the two
    // one site, and to this machine's address on its network, where browsers leave out Sec-Fetch-Site.
    private static bool MayBeForAnotherSitesPage(HttpRequest request) =>
        !IsNameOfThisMachine(request.Host.Host)
        || (request.Headers["Sec-Fetch-Site"].Count == 0 && request.Headers.UserAgent.ToString().StartsWith("Mozilla/", StringComparison.Ordinal));

    private static bool IsNameOfThisMachine(string host) =>
        host.Length == 0 || IPAddress.TryParse(host, out _)
        || host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || host.Equals(Environment.MachineName, StringComparison.OrdinalIgnoreCase);

    // On a listener for both, an IPv4 address comes as an IPv6 one.
    private static IPAddress AsIPv4(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}
