using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using OrleansTempo.Core;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Server.Ports;

namespace OrleansTempo.Server.Tests.Api;

public class RemoteWritePageTests
{
    [Fact]
    public async Task The_table_has_a_row_for_each_tenant_and_endpoint()
    {
        await using var server = await RunningServer.StartAsync(adapt: static parts => parts with { RemoteWrite = new FixedQueues() });
        var text = await server.Client.GetStringAsync(server.Api("/status/remote-write"));
        Assert.Equal(
            """
            GET /status/remote-write
            tenant  endpoint  lag    collections  samples  bytes in memory  bytes in store  lost samples  failed attempts  message                         last success              last error at             last error
            acme    azure     0s     0            0        0                0               0             0                prometheus.WriteRequest         -                         -                         -
            acme    mimir     90.2s  6            1200     34567            89              12            3                io.prometheus.write.v2.Request  2026-08-01T10:00:00.000Z  2026-08-01T10:01:30.250Z  server returned HTTP status 503

            """,
            text);
        Assert.Contains(text, await server.Client.GetStringAsync(server.Api("/status")));
    }

    [Theory]
    [InlineData("/status/remote-write?format=json", "text/html")]
    [InlineData("/status/remote-write", "application/json")]
    public async Task Whoever_asks_for_json_gets_json(string path, string accept)
    {
        await using var server = await RunningServer.StartAsync(adapt: static parts => parts with { RemoteWrite = new FixedQueues() });
        using var request = new HttpRequestMessage(HttpMethod.Get, server.Api(path)) { Headers = { Accept = { new MediaTypeWithQualityHeaderValue(accept) } } };
        using var response = await server.Client.SendAsync(request);
        Assert.Equal("application/json", response.Content.Headers.ContentType!.MediaType);
        var mimir = JsonNode.Parse(await response.Content.ReadAsStringAsync())![1]!;
        Assert.Equal(
            """{"tenant":"acme","endpoint":"mimir","url":"http://mimir/api/v1/push","protobufMessage":"io.prometheus.write.v2.Request","lagSeconds":90.25,"pendingCollections":6,"pendingSamples":1200,"queueBytes":34567,"diskBytes":89,"lostSamples":12,"failedAttempts":3,"lastSuccess":"2026-08-01T10:00:00.000Z","lastError":"server returned HTTP status 503","lastErrorTime":"2026-08-01T10:01:30.250Z"}""",
            mimir.ToJsonString());
    }

    [Fact]
    public async Task Without_remote_write_there_is_no_page()
    {
        await using var server = await RunningServer.StartAsync();
        using var response = await server.Client.GetAsync(server.Api("/status/remote-write"));
        Assert.Equal(System.Net.HttpStatusCode.NotFound, response.StatusCode);
        Assert.DoesNotContain("remote-write", await server.Client.GetStringAsync(server.Api("/status")));
    }

    private sealed class FixedQueues : IRemoteWriteOverview
    {
        public IReadOnlyList<RemoteWriteStatus> Status()
        {
            Assert.True(TenantId.TryParse("acme", out var tenant, out _));
            var quiet = new RemoteWriteStatus
            {
                Tenant = tenant,
                RemoteName = "azure",
                Url = "http://azure/api/v1/write",
                Protocol = RemoteWriteProtocol.V1,
                QueueBytes = 0,
                DiskBytes = 0,
                PendingCollections = 0,
                PendingSamples = 0,
                LostSamples = 0,
                FailedAttempts = 0,
                LastSuccess = null,
                LastError = "",
                LastErrorTime = null,
                Lag = TimeSpan.Zero,
            };
            return
            [
                quiet with
                {
                    RemoteName = "mimir",
                    Url = "http://mimir/api/v1/push",
                    Protocol = RemoteWriteProtocol.V2,
                    QueueBytes = 34567,
                    DiskBytes = 89,
                    PendingCollections = 6,
                    PendingSamples = 1200,
                    LostSamples = 12,
                    FailedAttempts = 3,
                    LastSuccess = new(2026, 8, 1, 10, 0, 0, TimeSpan.Zero),
                    LastError = "server returned HTTP status 503",
                    LastErrorTime = new(2026, 8, 1, 10, 1, 30, 250, TimeSpan.Zero),
                    Lag = TimeSpan.FromSeconds(90.25),
                },
                quiet,
            ];
        }
    }
}
