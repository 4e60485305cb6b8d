using System.Net;
using System.Net.Sockets;

namespace OrleansTempo.Server.Hosting;

/// <summary>
/// Checks, before anything is opened, whether every listener can listen. So the error names the listener and the setting, and a process
/// that cannot serve has not joined a cluster.
/// </summary>
public static class ListenerPorts
{
    /// <exception cref="ArgumentException">An endpoint is not valid.</exception>
    /// <exception cref="IOException">An address cannot be listened on; the message says why, and what to set.</exception>
    public static void Check(TempoServerOptions options)
    {
        foreach (var grpc in options.OtlpGrpc)
            Check(grpc.Receiver + "/grpc", grpc, $"distributor.receivers.{grpc.Receiver}.protocols.grpc.endpoint");
        foreach (var http in options.OtlpHttp)
            Check(http.Receiver + "/http", http, $"distributor.receivers.{http.Receiver}.protocols.http.endpoint");
        Check("http api", options.HttpApi, "server.http_listen_port");
    }

    /// <param name="listener">The name of the listener.</param>
    /// <param name="address">The address to listen on; port 0 is always free.</param>
    /// <param name="setting">The setting to change if it cannot listen there.</param>
    /// <exception cref="IOException">The address cannot be listened on; the message says why, and what to set.</exception>
    public static void Check(string listener, IPEndPoint address, string setting)
    {
        if (Failure(address) is not { } failure)
            return;
        throw new IOException(failure.SocketErrorCode == SocketError.AddressAlreadyInUse
            ? $"port {address.Port}, where {listener} listens, is in use by another process; stop that process, or set {setting} to another port"
            : $"{listener} cannot listen on {address}: {failure.Message}; set {setting} to an address of this machine and a port that this process may use");
    }

    private static void Check(string listener, ListenerOptions options, string setting)
    {
        var address = ListenAddress.Parse(listener, options.Endpoint);
        var resolved = address.Resolve(listener);
        Check(listener, resolved, setting);

        // A machine without IPv6 listens on IPv4 alone.
        var other = new IPEndPoint(IPAddress.IPv6Loopback, resolved.Port);
        if (address.IsLocalhost && Failure(other) is { SocketErrorCode: SocketError.AddressAlreadyInUse })
            Check(listener, other, setting);
    }

    private static SocketException? Failure(IPEndPoint address)
    {
        if (address.Port == 0)
            return null;
        try
        {
            using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            if (address.Address.Equals(IPAddress.IPv6Any))
                socket.DualMode = true;
            socket.Bind(address);
            socket.Listen();
            return null;
        }
        catch (SocketException e)
        {
            return e;
        }
    }
}
