using System.Collections.Concurrent;
using System.Globalization;
using System.IO.Compression;
using System.Net.Http.Headers;
using OrleansTempo.Bench.Whole;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Bench.Attack;

/// <summary>Sends requests to the attacked server.</summary>
internal sealed class AttackTarget(ServerProcess server, HttpClient http)
{
    private const int Connections = 4;

    public ServerProcess Server => server;

    /// <summary>Sends gzipped requests over a few connections, or as many as specified.</summary>
    public async Task<(int Count, long UnpackedBytes, long SentBytes, string Answers)> PushAllAsync(IEnumerable<(string Tenant, byte[] Body)> requests, CancellationToken cancellation, int connections = Connections)
    {
        var count = 0;
        long unpacked = 0, sent = 0;
        var answers = new ConcurrentDictionary<string, int>();
        await Parallel.ForEachAsync(requests, new ParallelOptions { MaxDegreeOfParallelism = connections, CancellationToken = cancellation }, async (request, cancel) =>
        {
            var body = Compress(request.Body);
            Interlocked.Increment(ref count);
            Interlocked.Add(ref unpacked, request.Body.Length);
            Interlocked.Add(ref sent, body.Length);
            answers.AddOrUpdate(await PushAsync(request.Tenant, body, gzip: true, cancel), 1, static (_, n) => n + 1);
        });
        return (count, unpacked, sent, string.Join(", ", answers.OrderByDescending(static a => a.Value).Select(static a => a.Value == 1 ? a.Key : $"{a.Key} × {a.Value}")));
    }

    /// <summary>Sends one request, and returns the status of the response, or why there is none.</summary>
    public async Task<string> PushAsync(string tenant, byte[] body, bool gzip, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(server.Otlp(grpc: false), "/v1/traces")) { Content = new ByteArrayContent(body) };
        request.Headers.Add("X-Scope-OrgID", tenant);
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/x-protobuf");
        if (gzip)
            request.Content.Headers.ContentEncoding.Add("gzip");
        try
        {
            using var response = await http.SendAsync(request, cancellation);
            return ((int)response.StatusCode).ToString(CultureInfo.InvariantCulture);
        }
        catch (HttpRequestException e)
        {
            return e.HttpRequestError.ToString();
        }
    }

    /// <summary>Calls the server's API, reads the whole response, and returns its status.</summary>
    public async Task<string> CallAsync(HttpMethod method, string path, string tenant, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(method, server.Api(path));
        request.Headers.Add("X-Scope-OrgID", tenant);
        using var response = await http.SendAsync(request, cancellation);
        return ((int)response.StatusCode).ToString(CultureInfo.InvariantCulture);
    }

    private static byte[] Compress(byte[] body)
    {
        using var target = new MemoryStream();
        using (var stream = new GZipStream(target, CompressionLevel.SmallestSize, leaveOpen: true))
            stream.Write(body);
        return target.ToArray();
    }
}
