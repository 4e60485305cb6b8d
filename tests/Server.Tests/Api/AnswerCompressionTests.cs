using System.IO.Compression;
using System.Net.Http.Headers;
using Google.Protobuf;
using OrleansTempo.Tests.Otlp;

namespace OrleansTempo.Server.Tests.Api;

public sealed class AnswerCompressionTests : IAsyncLifetime
{
    private const string Id = "0102030405060708000000000000000a";

    private readonly RecordingTraces _traces = new() { Traces = { [("single-tenant", Id)] = [new Span { Name = new string('x', 20_000) }.ToByteArray()] } };
    private RunningServer _server = null!;

    public async Task InitializeAsync() => _server = await RunningServer.StartAsync(adapt: parts => parts with { Traces = _traces });

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Theory]
    [InlineData("/api/traces/", "application/json")]
    [InlineData("/api/v2/traces/", "application/json")]
    [InlineData("/api/traces/", "application/protobuf")]
    [InlineData("/api/v2/traces/", "application/protobuf")]
    public async Task A_trace_is_gzipped_for_who_asks_and_the_same(string path, string accept)
    {
        using var plain = await GetAsync(path + Id, accept, null);
        using var gzip = await GetAsync(path + Id, accept, "gzip");

        Assert.Empty(plain.Content.Headers.ContentEncoding);
        Assert.Equal(["gzip"], gzip.Content.Headers.ContentEncoding);
        Assert.Equal(["Accept-Encoding"], gzip.Headers.Vary);
        Assert.Equal(plain.Content.Headers.ContentType, gzip.Content.Headers.ContentType);
        var expected = await plain.Content.ReadAsByteArrayAsync();
        var compressed = await gzip.Content.ReadAsByteArrayAsync();
        Assert.InRange(compressed.Length, 1, 1000);
        using var content = new MemoryStream();
        using (var stream = new GZipStream(new MemoryStream(compressed), CompressionMode.Decompress))
            stream.CopyTo(content);
        Assert.Equal(expected, content.ToArray());
    }

    [Theory]
    [InlineData("/ready", "gzip")]
    [InlineData("/api/traces/" + Id, "gzip;q=0")]
    [InlineData("/api/traces/" + Id, "br, zstd")]
    public async Task A_tiny_answer_and_one_that_nobody_wants_compressed_stay_as_they_are(string path, string acceptEncoding)
    {
        using var answer = await GetAsync(path, "application/json", acceptEncoding);
        Assert.Empty(answer.Content.Headers.ContentEncoding);
    }

    private async Task<HttpResponseMessage> GetAsync(string path, string accept, string? acceptEncoding)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, _server.Api(path));
        request.Headers.Accept.Add(MediaTypeWithQualityHeaderValue.Parse(accept));
        if (acceptEncoding is not null)
            request.Headers.Add("Accept-Encoding", acceptEncoding);
        return await _server.Client.SendAsync(request);
    }
}
