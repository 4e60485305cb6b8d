using System.Net;
using Microsoft.AspNetCore.Http;

namespace OrleansTempo.Server.Api;

/// <summary>
/// Who may do what is an operator's, as long as the server does not know who its callers are: those on the same machine, by the two
/// addresses of their connection.
/// </summary>
internal static class AdminAccess
{
    public const string Refusal = "this is for callers on the same machine alone; server.admin_from_anywhere: true in the configuration opens it to everyone who reaches this port\n";

    public const string RefusalOfPage = "a web page of another site may not do this. Call it from a command line, or from a page of this server\n";

    // What a proxy says of whom it calls for. A proxy on this machine would make everyone a caller on it; what it says is believed no further than that it is one.
    private static readonly string[] s_proxyHeaders = ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"];

    /// <summary>Whether the caller is on this machine: connected over loopback, or from the address that it calls. One without an address is not.</summary>
    public static bool IsFromThisMachine(HttpContext context)
    {
        var connection = context.Connection;
        return connection.RemoteIpAddress is { } remote
            && (IPAddress.IsLoopback(remote) || (connection.LocalIpAddress is { } local && AsIPv4(remote).Equals(AsIPv4(local))))
            && !Array.Exists(s_proxyHeaders, context.Request.Headers.ContainsKey);
    }

    /// <summary>
    /// Whether a browser sends this for a page of another site, which a person on this machine may just be looking at. All browsers of today
    /// say so, to servers on their own machine and over TLS; who is no browser does not.
    /// </summary>
    public static bool IsForAnotherSitesPage(HttpRequest request) =>
        request.Headers["Sec-Fetch-Site"] is { Count: > 0 } site && site != "same-origin" && site != "none";

    // On a listener for both, an IPv4 address comes as an IPv6 one.
    private static IPAddress AsIPv4(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}
