using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;

namespace OrleansTempo.Bench.Load;

/// <summary>
/// OTLP/HTTP over a plain socket: <see cref="HttpClient"/> would use a good part of the CPU time that the server uses on the shared
/// machine. It supports only as much of HTTP/1.1 as the response to a small POST needs.
/// </summary>
internal sealed class HttpConnection : IConnection
{
    private readonly Socket _socket;
    private readonly string _headers;
    private readonly byte[] _buffer = new byte[16 * 1024];
    private readonly ArraySegment<byte>[] _segments = new ArraySegment<byte>[2];
    private int _headerLength = -1;
    private byte[] _header = [];

    public HttpConnection(Uri endpoint, bool gzip)
    {
        _socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        _socket.Connect(endpoint.Host, endpoint.Port);
        _headers =
            $"POST /v1/traces HTTP/1.1\r\nHost: {endpoint.Authority}\r\nContent-Type: application/x-protobuf\r\n" +
            (gzip ? "Content-Encoding: gzip\r\n" : "") +
            "Content-Length: ";
    }

    public bool Send(ReadOnlyMemory<byte> body)
    {
        if (_headerLength != body.Length)
        {
            _header = Encoding.ASCII.GetBytes(_headers + body.Length.ToString(CultureInfo.InvariantCulture) + "\r\n\r\n");
            _headerLength = body.Length;
        }

        _segments[0] = _header;
        _segments[1] = MemoryMarshal.TryGetArray(body, out var segment) ? segment : body.ToArray();
        // A blocking socket sends all of it.
        var sent = _socket.Send(_segments);
        if (sent != _header.Length + body.Length)
            throw new IOException($"only {sent} bytes of a request were sent");
        return ReadAnswer();
    }

    public void Dispose() => _socket.Dispose();

    private bool ReadAnswer()
    {
        var filled = 0;
        var end = -1;
        while (end < 0)
        {
            filled += Receive(filled);
            end = _buffer.AsSpan(0, filled).IndexOf("\r\n\r\n"u8);
        }

        end += 4;
        var head = Encoding.ASCII.GetString(_buffer, 0, end);
        var at = head.IndexOf("\r\nContent-Length:", StringComparison.OrdinalIgnoreCase);
        int length;
        if (at >= 0)
        {
            at += "\r\nContent-Length:".Length;
            length = int.Parse(head.AsSpan(at, head.IndexOf('\r', at) - at), NumberStyles.Integer, CultureInfo.InvariantCulture);
            while (filled < end + length)
                filled += Receive(filled);
        }
        else
        {
            // Chunked.
            while (!_buffer.AsSpan(end, filled - end).EndsWith("0\r\n\r\n"u8))
                filled += Receive(filled);
            length = filled - end - "0\r\n\r\n".Length;
        }

        // A response that is not empty reports refused spans (partial_success).
        return head.StartsWith("HTTP/1.1 200 ", StringComparison.Ordinal) && length == 0;
    }

    private int Receive(int filled)
    {
        var received = _socket.Receive(_buffer.AsSpan(filled));
        return received > 0 ? received : throw new IOException("the server closed the connection within an answer");
    }
}
