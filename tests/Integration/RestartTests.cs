using System.Net;

namespace OrleansTempo.Integration;

/// <summary>A stop in order, and what the next start finds.</summary>
public sealed class RestartTests
{
    // Blocks are due all the time, so the stop finds some cut, some queued and some half written.
    private const string Busy = "partitions: 8, trace_idle_period: 100ms, trace_live_period: 500ms, flush_check_period: 50ms, max_block_bytes: 65536, max_block_duration: 200ms";

    private const string StaysLive = "trace_idle_period: 1h, trace_live_period: 1h, max_block_duration: 1h";

    [Theory]
    [InlineData(Busy)]
    [InlineData(StaysLive)]
    public async Task Everything_is_found_after_sigterm_and_another_start(string ingester)
    {
        await using var silo = await SiloProcess.StartAsync(new() { Test = "restart", Ingester = ingester });
        var sent = await LoadAsync(silo, () => silo.TerminateAsync());

        // Where blocks are due all the time, all may be in blocks when it has ended; what is not is in the log.
        var isLogNeeded = Directory.GetFiles(silo.WalFolder, "*.wal").Any(static segment => new FileInfo(segment).Length > 0);
        Assert.True(isLogNeeded || ingester == Busy, silo.Log);

        await silo.StartAgainAsync();

        await sent.AssertFoundAsync(silo.Traces, sent.Traces, "after the restart");
        Assert.Equal(isLogNeeded, silo.LogOfThisRun.Contains("Replayed ", StringComparison.Ordinal));
        Assert.DoesNotContain("level=error", silo.Log);
    }

    [Theory]
    [InlineData(Busy)]
    [InlineData(StaysLive)]
    public async Task With_flush_all_on_shutdown_everything_is_in_blocks_after_sigterm(string ingester)
    {
        await using var silo = await SiloProcess.StartAsync(new() { Test = "flush-all", Ingester = ingester + ", flush_all_on_shutdown: true" });
        var sent = await LoadAsync(silo, () => silo.TerminateAsync());

        await AssertNoLogIsNeededAsync(silo, sent);
    }

    [Theory]
    [InlineData(Busy)]
    [InlineData(StaysLive)]
    public async Task Shutdown_ends_the_process_with_everything_in_blocks(string ingester)
    {
        await using var silo = await SiloProcess.StartAsync(new() { Test = "shutdown", Ingester = ingester });
        var sent = await LoadAsync(silo, () => silo.ShutdownAsync());

        await AssertNoLogIsNeededAsync(silo, sent);
    }

    [Fact]
    public async Task A_tenant_that_takes_long_to_restore_holds_up_neither_readiness_nor_another_tenant()
    {
        const string Calls = "traces_spanmetrics_calls_total";
        await using var silo = await SiloProcess.StartAsync(new() { Test = "slow-restore", Multitenancy = true });
        foreach (var tenant in (string[])["slow", "other"])
            Assert.True((await silo.Sender.PushAsync(GoldenBodies.Call("client", "server"), tenant)).IsWhole);
        foreach (var tenant in (string[])["slow", "other"])
            await Eventually.GetAsync(() => silo.GeneratedAsync(tenant), static series => series.Sum(Calls) == 2, static _ => "spans are not counted");
        Assert.True(await silo.TerminateAsync() == 0, silo.Log);

        // A pipe in the place of its snapshot: whoever reads it waits until somebody writes.
        var snapshot = Assert.Single(Directory.GetFiles(Path.Combine(silo.BlocksFolder, "grains"), "*slow*", SearchOption.AllDirectories));
        File.Delete(snapshot);
        await using (var mkfifo = ChildProcess.Start("mkfifo", [snapshot], silo.Folder))
            Assert.Equal(0, await mkfifo.WaitForExitAsync());
        await silo.StartAgainAsync();

        Assert.Equal(2, (await silo.GeneratedAsync("other")).Sum(Calls));
        Assert.DoesNotContain("Metrics-generator slow restored", silo.LogOfThisRun);
        foreach (var tenant in (string[])["slow", "other"])
            Assert.True((await silo.Sender.PushAsync(GoldenBodies.Call("client", "server"), tenant)).IsWhole);
        await Eventually.GetAsync(() => silo.GeneratedAsync("other"), static series => series.Sum(Calls) == 4, static _ => "spans of the other tenant are not counted");

        Assert.DoesNotContain("Metrics-generator slow", silo.LogOfThisRun);
        await silo.KillAsync();
    }

    // The load goes on while the process stops: what it refuses then is not acknowledged.
    private static async Task<SentSpans> LoadAsync(SiloProcess silo, Func<Task<int>> stop)
    {
        var sent = new SentSpans();
        var stopLoad = new TraceLoad(seed: 7, senders: 4, sent).Start(silo);
        await Eventually.GetAsync(() => Task.FromResult(sent.Acknowledged), acknowledged => acknowledged >= 3000, acknowledged => $"{acknowledged} spans acknowledged");

        Assert.True(await stop() == 0, silo.Log);

        foreach (var answer in await stopLoad())
            Assert.True(answer.Code is (int)HttpStatusCode.ServiceUnavailable or 14, answer.ToString());
        return sent;
    }

    private static async Task AssertNoLogIsNeededAsync(SiloProcess silo, SentSpans sent)
    {
        Assert.All(Directory.GetFiles(silo.WalFolder, "*.wal"), static segment => Assert.Equal(0, new FileInfo(segment).Length));
        Directory.Delete(silo.WalFolder, recursive: true);

        await silo.StartAgainAsync();

        await sent.AssertFoundAsync(silo.Traces, sent.Traces, "after the stop, from blocks");
        Assert.DoesNotContain("level=error", silo.Log);
    }
}
