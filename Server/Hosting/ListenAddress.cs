using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace OrleansTempo.Server.Hosting;

/// <summary>The parsed <c>host:port</c> of a listener.</summary>
internal readonly record struct ListenAddress(string Host, int Port)
{
    /// <exception cref="ArgumentException">The text is not <c>host:port</c>.</exception>
    public static ListenAddress Parse(string listener, string endpoint)
    {
        var colon = endpoint.LastIndexOf(':');
        if (colon < 0 || !int.TryParse(endpoint.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port > ushort.MaxValue)
            throw new ArgumentException($"{listener}: endpoint '{endpoint}' is not host:port with a port from 0 to 65535");

        var host = endpoint[..colon];
        if (host is ['[', .., ']'])
            host = host[1..^1];
        return new(host, port);
    }

    /// <summary>Whether both loopback addresses are meant. With port 0 the two could not get the same port, so only IPv4 is used.</summary>
    public bool IsLocalhost => Port != 0 && string.Equals(Host, "localhost", StringComparison.OrdinalIgnoreCase);

    /// <exception cref="ArgumentException">The host has no address.</exception>
    public IPEndPoint Resolve(string listener)
    {
        if (Host.Length == 0 || Host == "*")
            return new(Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any, Port);
        if (string.Equals(Host, "localhost", StringComparison.OrdinalIgnoreCase))
            return new(IPAddress.Loopback, Port);
        if (IPAddress.TryParse(Host, out var address))
            return new(address, Port);

        try
        {
            return new(Dns.GetHostAddresses(Host)[0], Port);
        }
        catch (Exception e) when (e is SocketException or IndexOutOfRangeException)
        {
            throw new ArgumentException($"{listener}: host '{Host}' has no address: {e.Message}", e);
        }
    }
}
