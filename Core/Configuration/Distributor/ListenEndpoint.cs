using System.Globalization;
using System.Net;

namespace OrleansTempo.Core.Configuration.Distributor;

/// <summary>Where a receiver listens: an address or host name, empty for all of the machine's addresses, and a port.</summary>
public readonly record struct ListenEndpoint(string Host, int Port)
{
    /// <summary>Reads <c>host:port</c>, <c>:port</c> or <c>[v6]:port</c>; 0 is any free port.</summary>
    public static bool TryParse(string text, out ListenEndpoint endpoint)
    {
        endpoint = default;
        var colon = text.LastIndexOf(':');
        if (colon < 0 || !int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port > IPEndPoint.MaxPort)
            return false;

        var host = text[..colon];
        if (host.StartsWith('['))
        {
            if (!host.EndsWith(']') || !IPAddress.TryParse(host[1..^1], out _))
                return false;
            host = host[1..^1];
        }
        else if (host.Length > 0 && Uri.CheckHostName(host) is not (UriHostNameType.Dns or UriHostNameType.IPv4))
        {
            return false;
        }

        endpoint = new ListenEndpoint(host, port);
        return true;
    }

    /// <summary>Whether a machine could not listen on both.</summary>
    public bool Overlaps(ListenEndpoint other) => Port == other.Port && (IsAny || other.IsAny || string.Equals(Host, other.Host, StringComparison.OrdinalIgnoreCase));

    private bool IsAny => Host is "" or "0.0.0.0" or "::";

    public override string ToString() => Host.Contains(':') ? $"[{Host}]:{Port}" : $"{Host}:{Port}";
}
