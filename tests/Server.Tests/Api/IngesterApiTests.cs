using System.Net;
using Microsoft.Extensions.Logging;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Server.Tests.Api;

/// <summary>As Tempo 2.8 has them in modules/ingester/flush.go (FlushHandler, ShutdownHandler); Tempo 3 has neither.</summary>
public sealed class IngesterApiTests
{
    [Theory]
    [InlineData("/flush", "*", HttpStatusCode.NoContent)]
    [InlineData("/flush?tenant=dev", "dev", HttpStatusCode.NoContent)]
    [InlineData("/flush?tenant=nobody", "nobody", HttpStatusCode.NotFound)]
    public async Task Flush_is_for_one_tenant_or_all(string path, string flushed, HttpStatusCode status)
    {
        var ingester = new RecordingIngester();
        await using var server = await RunningServer.StartAsync(adapt: parts => parts with { Ingester = ingester });
        using var get = await server.Client.GetAsync(server.Api(path));
        using var post = await server.Client.PostAsync(server.Api(path), null);

        Assert.Equal((status, status), (get.StatusCode, post.StatusCode));
        Assert.Equal([flushed, flushed], ingester.Flushed);
    }

    [Theory]
    [InlineData("", "no org id\n")]
    [InlineData("..", "tenant ID '..' is not allowed: it is a path segment\n")]
    public async Task Flush_refuses_what_is_no_tenant(string tenant, string error)
    {
        var ingester = new RecordingIngester();
        await using var server = await RunningServer.StartAsync(adapt: parts => parts with { Ingester = ingester });
        using var answer = await server.Client.PostAsync(server.Api("/flush?tenant=" + tenant), null);

        Assert.Equal((HttpStatusCode.BadRequest, error), (answer.StatusCode, await answer.Content.ReadAsStringAsync()));
        Assert.Empty(ingester.Flushed);
    }

    [Fact]
    public async Task Shutdown_is_acknowledged_before_it_is_done_and_its_failure_is_logged()
    {
        var shutdown = new TaskCompletionSource();
        var ingester = new RecordingIngester { Shutdown = shutdown.Task };
        using var logger = new CollectingLogger();
        using var loggerFactory = LoggerFactory.Create(builder => builder.AddProvider(logger));
        await using var server = await RunningServer.StartAsync(adapt: parts => parts with { Ingester = ingester, LoggerFactory = loggerFactory });
        using var answer = await server.Client.PostAsync(server.Api("/shutdown"), null);
        await ingester.ShutdownAsked.Task.WaitAsync(TimeSpan.FromSeconds(10));

        Assert.Equal((HttpStatusCode.OK, "shutdown job acknowledged"), (answer.StatusCode, await answer.Content.ReadAsStringAsync()));
        shutdown.SetException(new IOException("no disk"));
        Assert.True(SpinWait.SpinUntil(() => !logger.Entries.IsEmpty, TimeSpan.FromSeconds(10)));
        Assert.Equal("The shutdown requested by /shutdown failed; the write-ahead log still has what is not yet in blocks: no disk", Assert.Single(logger.Entries));
    }

    [Fact]
    public async Task Only_get_and_post_reach_the_ingester()
    {
        var ingester = new RecordingIngester();
        await using var server = await RunningServer.StartAsync(adapt: parts => parts with { Ingester = ingester });
        foreach (var path in (string[])["/flush", "/shutdown"])
        {
            using var delete = await server.Client.DeleteAsync(server.Api(path));
            using var head = await server.Client.SendAsync(new HttpRequestMessage(HttpMethod.Head, server.Api(path)));

            Assert.Equal((HttpStatusCode.MethodNotAllowed, HttpStatusCode.MethodNotAllowed), (delete.StatusCode, head.StatusCode));
            Assert.Equal(["GET", "POST"], delete.Content.Headers.Allow);
            Assert.Equal("send GET or POST\n", await delete.Content.ReadAsStringAsync());
        }

        Assert.Empty(ingester.Flushed);
        Assert.False(ingester.ShutdownAsked.Task.IsCompleted);
    }

    [Fact]
    public async Task Without_an_ingester_its_paths_are_unknown()
    {
        await using var server = await RunningServer.StartAsync();
        using var flush = await server.Client.PostAsync(server.Api("/flush"), null);
        using var shutdown = await server.Client.PostAsync(server.Api("/shutdown"), null);

        Assert.Equal((HttpStatusCode.NotFound, HttpStatusCode.NotFound), (flush.StatusCode, shutdown.StatusCode));
    }
}
