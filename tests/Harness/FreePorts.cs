using System.Net;
using System.Net.Sockets;

namespace OrleansTempo.Harness;

/// <summary>
/// Hands out loopback ports below the range that systems take outgoing connections' ports from, each once per run, so
/// that a port stays free between asking for it and listening on it, and while a process is stopped and started again.
/// </summary>
internal static class FreePorts
{
    private const int First = 20_000;
    private const int Count = 12_000;

    private static int _next = Random.Shared.Next(Count);

    public static int Next()
    {
        for (var attempt = 0; attempt < Count; attempt++)
        {
            var port = First + (int)((uint)Interlocked.Increment(ref _next) % Count);
            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, port);
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // Somebody else's; the next one.
            }
        }

        throw new InvalidOperationException($"no free port in {First}..{First + Count}");
    }
}
