using System.Net;
using System.Net.Sockets;
using System.Text;

namespace OrleansTempo.Client.Tests;

/// <summary>A collector of one request over HTTP/1.1: it keeps the body and answers that all is well.</summary>
internal sealed class CollectingListener : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    public CollectingListener()
    {
        _listener.Start();
        Endpoint = new Uri($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/v1/traces");
        Body = ReceiveAsync();
    }

    public Uri Endpoint { get; }

    public Task<byte[]> Body { get; }

    public ValueTask DisposeAsync()
    {
        _listener.Dispose();
        return default;
    }

    private async Task<byte[]> ReceiveAsync()
    {
        using var connection = await _listener.AcceptTcpClientAsync();
        await using var stream = connection.GetStream();
        var received = new MemoryStream();
        var buffer = new byte[64 << 10];
        while (true)
        {
            var read = await stream.ReadAsync(buffer);
            if (read == 0)
                throw new EndOfStreamException("the request ends within its body");
            received.Write(buffer, 0, read);
            var end = received.GetBuffer().AsSpan(0, (int)received.Length).IndexOf("\r\n\r\n"u8);
            if (end < 0)
                continue;
            var head = Encoding.ASCII.GetString(received.GetBuffer(), 0, end);
            var length = int.Parse(head.Split("\r\n").Single(static line => line.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase))["Content-Length:".Length..]);
            if (received.Length < end + 4 + length)
                continue;
            await stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"u8.ToArray());
            return received.GetBuffer()[(end + 4)..(end + 4 + length)];
        }
    }
}
