using System.Net;
using System.Net.Sockets;

namespace OrleansTempo.Integration;

/// <summary>A remote write endpoint that takes connections and then either says nothing at all, or answers every request with 500.</summary>
internal sealed class BrokenRemote : IDisposable
{
    private static readonly byte[] Failure = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8.ToArray();

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly bool _answers;
    private int _connections;

    public BrokenRemote(bool answers)
    {
        _answers = answers;
        _listener.Start();
        _ = AcceptAsync();
    }

    public Uri Url => new($"http://{_listener.LocalEndpoint}/api/v1/write");

    public int Connections => Volatile.Read(ref _connections);

    public void Dispose() => _listener.Dispose();

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = ServeAsync(await _listener.AcceptTcpClientAsync());
                Interlocked.Increment(ref _connections);
            }
        }
        catch (Exception e) when (e is ObjectDisposedException or SocketException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var _ = client;
        try
        {
            var stream = client.GetStream();
            var buffer = new byte[64 * 1024];
            while (await stream.ReadAsync(buffer) > 0)
            {
                if (!_answers)
                    continue;
                await stream.WriteAsync(Failure);
                return;
            }
        }
        catch (IOException)
        {
            // The other side gave up, which is its right.
        }
    }
}
