using System.Net;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Server.Tests.Receivers;

public sealed class RequestMemoryTests
{
    private readonly RequestMemory _memory = new(128 << 10);

    [Fact]
    public async Task Requests_beyond_the_memory_for_them_are_told_to_come_again_and_may()
    {
        await using (var server = await StartAsync())
        {
            // Beside what others hold there is room for the text, and none for the protobuf made of it.
            var json = new byte[50_000];
            Array.Fill(json, (byte)' ');
            json[0] = (byte)'{';
            json[^1] = (byte)'}';
            foreach (var (body, type, encoding, taken) in new[]
            {
                (Requests.Golden, Requests.Protobuf, null, 128 << 10),
                (Requests.Gzip(new byte[80_000]), Requests.Protobuf, "gzip", 64 << 10),
                (json, Requests.Json, null, 64 << 10),
            })
            {
                var others = _memory.Rent(taken);
                using var refused = await server.Client.SendAsync(Requests.Post(server.Otlp(), body, type, encoding));
                Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
                Assert.Equal(TimeSpan.FromSeconds(5), refused.Headers.RetryAfter!.Delta);
                Assert.Contains("max_inflight_bytes", await refused.Content.ReadAsStringAsync());
                others.Return();
            }

            using var accepted = await server.Client.SendAsync(Requests.Post(server.Otlp(), Requests.Golden));
            Assert.Equal(HttpStatusCode.OK, accepted.StatusCode);
        }

        Assert.Equal(0, _memory.OutstandingBytes);
    }

    [Fact]
    public async Task The_same_goes_for_gRPC()
    {
        await using (var server = await StartAsync())
        {
            var others = _memory.Rent(128 << 10);
            var plain = await GrpcCall.SendAsync(server, GrpcCall.Export, GrpcCall.Frame(new byte[5_000]));
            others.Return();
            others = _memory.Rent(64 << 10);
            var gzip = await GrpcCall.SendAsync(server, GrpcCall.Export, GrpcCall.Frame(Requests.Gzip(new byte[80_000]), 1), ("grpc-encoding", "gzip"));
            var small = await GrpcCall.SendAsync(server, GrpcCall.Export, GrpcCall.Frame(Requests.Golden));
            others.Return();

            Assert.Equal(14, plain.Status);
            Assert.Equal(14, gzip.Status);
            Assert.Contains("max_inflight_bytes", gzip.Message);
            Assert.Equal(0, small.Status);
        }

        Assert.Equal(0, _memory.OutstandingBytes);
    }

    [Fact]
    public async Task A_request_that_needs_more_than_all_may_hold_is_told_not_to_come_again()
    {
        var small = new RequestMemory(32 << 10);
        await using (var server = await RunningServer.StartAsync(adapt: parts => parts with { RequestMemory = small }))
        {
            using var refused = await server.Client.SendAsync(Requests.Post(server.Otlp(), new byte[60_000]));
            var call = await GrpcCall.SendAsync(server, GrpcCall.Export, GrpcCall.Frame(new byte[60_000]));

            Assert.Equal(HttpStatusCode.RequestEntityTooLarge, refused.StatusCode);
            Assert.Null(refused.Headers.RetryAfter);
            Assert.Contains("send smaller batches, or raise the limit", await refused.Content.ReadAsStringAsync());
            Assert.Equal(3, call.Status);
            Assert.Contains("all requests together may hold only 32768 (distributor.max_inflight_bytes, or", call.Message);
        }

        Assert.Equal(0, small.OutstandingBytes);
    }

    [Fact]
    public async Task Probes_are_answered_while_the_memory_for_requests_is_full()
    {
        await using var server = await StartAsync();
        _memory.Rent(128 << 10);

        var check = await GrpcCall.SendAsync(server, GrpcCall.Check, GrpcCall.Frame([]));

        Assert.Equal(0, check.Status);
    }

    private Task<RunningServer> StartAsync() => RunningServer.StartAsync(adapt: parts => parts with { RequestMemory = _memory });
}
