using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace OrleansTempo.Server.Tests.Hosting;

/// <summary>A client that writes HTTP/2 frames as it is told, for what no well-behaved client sends.</summary>
internal sealed class RawHttp2 : IDisposable
{
    private const byte Headers = 1, ResetStream = 3, Settings = 4, GoAway = 7;
    private const byte EndHeaders = 4, Acknowledge = 1;

    private readonly TcpClient _client = new();
    private readonly byte[] _headers;
    private int _stream = -1;

    private RawHttp2(string path)
    {
        // Static entries of HPACK where there are some, and literals that no table keeps.
        using var block = new MemoryStream();
        block.Write([0x83, 0x86]);
        Literal(block, 4, path);
        Literal(block, 1, "localhost");
        Literal(block, 31, "application/grpc");
        _headers = block.ToArray();
    }

    /// <summary>Ends when the server has closed the connection; the error it gave, or null where it gave none.</summary>
    public Task<int?> Closed { get; private set; } = Task.FromResult<int?>(null);

    /// <summary>The streams begun so far.</summary>
    public int Streams => (_stream + 1) / 2;

    public static async Task<RawHttp2> ConnectAsync(int port, string path)
    {
        var http2 = new RawHttp2(path);
        await http2._client.ConnectAsync(IPAddress.Loopback, port);
        await http2._client.GetStream().WriteAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray());
        await http2._client.GetStream().WriteAsync(Frame(Settings, 0, 0, []));
        http2.Closed = http2.ReadAsync();
        return http2;
    }

    /// <summary>Begins streams and resets each at once.</summary>
    /// <returns>False where the connection is no more.</returns>
    public async Task<bool> TryResetAsync(int streams)
    {
        using var frames = new MemoryStream();
        for (var i = 0; i < streams; i++)
        {
            _stream += 2;
            frames.Write(Frame(Headers, EndHeaders, _stream, _headers));
            frames.Write(Frame(ResetStream, 0, _stream, [0, 0, 0, 8]));
        }

        try
        {
            await _client.GetStream().WriteAsync(frames.ToArray());
            return !Closed.IsCompleted;
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException)
        {
            return false;
        }
    }

    public void Dispose() => _client.Dispose();

    private async Task<int?> ReadAsync()
    {
        int? error = null;
        try
        {
            var stream = _client.GetStream();
            var prefix = new byte[9];
            while (true)
            {
                await stream.ReadExactlyAsync(prefix);
                var payload = new byte[prefix[0] << 16 | prefix[1] << 8 | prefix[2]];
                await stream.ReadExactlyAsync(payload);
                if (prefix[3] == Settings && prefix[4] == 0)
                    await stream.WriteAsync(Frame(Settings, Acknowledge, 0, []));
                if (prefix[3] == GoAway)
                    error = BinaryPrimitives.ReadInt32BigEndian(payload.AsSpan(4));
            }
        }
        catch (IOException)
        {
            return error;
        }
    }

    private static byte[] Frame(byte type, byte flags, int stream, byte[] payload)
    {
        byte[] frame = [(byte)(payload.Length >> 16), (byte)(payload.Length >> 8), (byte)payload.Length, type, flags, 0, 0, 0, 0, .. payload];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        return frame;
    }

    private static void Literal(MemoryStream block, int name, string value)
    {
        if (name < 15)
            block.WriteByte((byte)name);
        else
            block.Write([15, (byte)(name - 15)]);
        block.WriteByte((byte)value.Length);
        block.Write(Encoding.ASCII.GetBytes(value));
    }
}
