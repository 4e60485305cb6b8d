using System.Net;
using OrleansTempo.Core.Otlp;

namespace OrleansTempo.Server.Tests.Receivers;

/// <summary>The limit is the process's, so these run alone.</summary>
[CollectionDefinition(nameof(RequestMemoryTests), DisableParallelization = true)]
[Collection(nameof(RequestMemoryTests))]
public sealed class RequestMemoryTests : IDisposable
{
    private readonly long _limit = RequestBuffer.MaxOutstandingBytes;

    public void Dispose() => RequestBuffer.MaxOutstandingBytes = _limit;

    [Fact]
    public async Task Requests_beyond_the_memory_for_them_are_told_to_come_again_and_may()
    {
        await using var server = await RunningServer.StartAsync();
        var json = new byte[50_000];
        Array.Fill(json, (byte)' ');
        json[0] = (byte)'{';
        json[^1] = (byte)'}';
        foreach (var (body, type, encoding) in new[]
        {
            (Requests.Golden, Requests.Protobuf, null),
            (Requests.Gzip(new byte[80_000]), Requests.Protobuf, "gzip"),
            (json, Requests.Json, null),
        })
        {
            RequestBuffer.MaxOutstandingBytes = RequestBuffer.OutstandingBytes + (body == json ? 60_000 : 500);
            using var refused = await server.Client.SendAsync(Requests.Post(server.Otlp(), body, type, encoding));
            Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
            Assert.Equal(TimeSpan.FromSeconds(5), refused.Headers.RetryAfter!.Delta);
            Assert.Contains("max_inflight_bytes", await refused.Content.ReadAsStringAsync());
        }

        var outstanding = RequestBuffer.OutstandingBytes;
        RequestBuffer.MaxOutstandingBytes = _limit;
        using var taken = await server.Client.SendAsync(Requests.Post(server.Otlp(), Requests.Golden));
        Assert.Equal(HttpStatusCode.OK, taken.StatusCode);
        Assert.Equal(outstanding, RequestBuffer.OutstandingBytes);
    }

    [Fact]
    public async Task The_same_goes_for_gRPC()
    {
        await using var server = await RunningServer.StartAsync();
        RequestBuffer.MaxOutstandingBytes = RequestBuffer.OutstandingBytes + 2_000;

        var plain = await GrpcCall.SendAsync(server, GrpcCall.Export, GrpcCall.Frame(new byte[5_000]));
        var gzip = await GrpcCall.SendAsync(server, GrpcCall.Export, GrpcCall.Frame(Requests.Gzip(new byte[80_000]), 1), ("grpc-encoding", "gzip"));
        var small = await GrpcCall.SendAsync(server, GrpcCall.Export, GrpcCall.Frame(Requests.Golden));

        Assert.Equal(14, plain.Status);
        Assert.Equal(14, gzip.Status);
        Assert.Contains("max_inflight_bytes", gzip.Message);
        Assert.Equal(0, small.Status);
    }
}
