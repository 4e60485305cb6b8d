using System.Net;
using OrleansTempo.Core.Blocks.Compaction;
using OrleansTempo.Integration.Harness;

namespace OrleansTempo.Integration;

/// <summary>A disk that runs full refuses what comes, keeps what it has, and goes on when there is room.</summary>
public sealed class DiskFullTests
{
    private const int SpansOfARequest = 20;

    // No compression makes a block of it smaller.
    private const int BytesOfASpan = 4000;

    [SmallDiskFact]
    public async Task Log_and_blocks_on_a_full_disk_refuse_pushes_and_lose_nothing_until_there_is_room()
    {
        await using var disk = await SmallDisk.MountAsync(6 << 20);
        await using var silo = await StartAsync(disk, walFolder: Path.Combine(disk.Path, "wal"));
        var sent = new SentSpans();
        var traces = new RandomTraces(1, BytesOfASpan);

        var refused = await PushUntilRefusedAsync(silo, traces, sent);

        Assert.Contains("write-ahead log", refused.Message);
        Assert.Contains("No space left", refused.Message);
        await AssertRefusedOverBothAsync(silo, traces, sent);
        await sent.AssertFoundAsync(silo.Traces, sent.Traces, "on the full disk");

        await silo.KillAsync();
        await silo.StartAgainAsync();
        await sent.AssertFoundAsync(silo.Traces, sent.Traces, "after a kill on the full disk");

        await disk.ResizeAsync(256 << 20);
        await AssertGoesOnAsync(silo, traces, sent);
    }

    [SmallDiskFact]
    public async Task Blocks_on_a_full_disk_fill_the_memory_and_then_pushes_are_refused_until_there_is_room()
    {
        await using var disk = await SmallDisk.MountAsync(2 << 20);
        using var elsewhere = new TemporaryFolder();
        await using var silo = await StartAsync(disk, walFolder: elsewhere.Path);
        var sent = new SentSpans();
        var traces = new RandomTraces(2, BytesOfASpan);

        var refused = await PushUntilRefusedAsync(silo, traces, sent);

        Assert.Contains("the maximum is 33554432 (ingester.max_memory_bytes)", refused.Message);
        await AssertRefusedOverBothAsync(silo, traces, sent);
        var own = await silo.OwnMetricsAsync();

        // When a block is cut, what is still live is copied to what comes after it: so it may be a little more than is allowed.
        Assert.InRange(own.Sum("tempo_ingester_live_trace_bytes"), 30 << 20, 44 << 20);
        Assert.True(own.Sum("tempo_ingester_failed_flushes_total") > 0);
        Assert.Contains("could not be written", silo.Log);
        await sent.AssertFoundAsync(silo.Traces, sent.Traces, "with the memory full");

        // The first cuts what is left; the second finds nothing to cut, and its answer waits all the same until all is written.
        var first = silo.FlushAsync();
        await Task.WhenAny(first, Task.Delay(TimeSpan.FromSeconds(1)));
        var second = silo.FlushAsync();
        await Task.WhenAny(second, Task.Delay(TimeSpan.FromSeconds(1)));
        Assert.False(first.IsCompleted || second.IsCompleted, silo.Log);
        await disk.ResizeAsync(256 << 20);
        Assert.Equal([HttpStatusCode.NoContent, HttpStatusCode.NoContent], await Task.WhenAll(first, second));
        Assert.Equal(0, (await silo.OwnMetricsAsync()).Sum("tempo_ingester_live_trace_bytes"));

        await AssertGoesOnAsync(silo, traces, sent);
    }

    private static Task<SiloProcess> StartAsync(SmallDisk disk, string walFolder) => SiloProcess.StartAsync(new()
    {
        Test = "disk-full",
        Ingester = "partitions: 2, trace_idle_period: 200ms, trace_live_period: 1s, flush_check_period: 100ms, max_block_bytes: 262144, max_block_duration: 1s, max_memory_bytes: 33554432",
        Trace = $"blocklist_poll: 500ms, local: {{ path: '{Path.Combine(disk.Path, "blocks")}' }}, wal: {{ path: '{walFolder}', segment_bytes: 262144 }}",
        Compactor = "compaction: { compaction_cycle: 500ms, compacted_block_retention: 2s }",
    });

    private static async Task<PushAnswer> PushUntilRefusedAsync(SiloProcess silo, RandomTraces traces, SentSpans sent)
    {
        const int EnoughForAnyOfThem = 5000;
        for (var i = 0; i < EnoughForAnyOfThem; i++)
        {
            if (await PushAsync(silo, traces, sent) is { IsWhole: false } refused)
                return refused;
        }

        throw new InvalidOperationException($"{EnoughForAnyOfThem} requests were taken:\n{silo.Log}");
    }

    private static async Task<PushAnswer> PushAsync(SiloProcess silo, RandomTraces traces, SentSpans sent, bool overGrpc = false)
    {
        var request = sent.Add(traces.Next(SpansOfARequest));
        var answer = overGrpc ? await silo.Sender.PushOverGrpcAsync(request.Body) : await silo.Sender.PushAsync(request.Body);
        if (answer.IsWhole)
            request.Acknowledge();
        return answer;
    }

    // Blocks that were merged may just have made some room, so the one or the other may be taken in between.
    private static async Task AssertRefusedOverBothAsync(SiloProcess silo, RandomTraces traces, SentSpans sent)
    {
        foreach (var (overGrpc, code) in ((bool, int)[])[(false, (int)HttpStatusCode.ServiceUnavailable), (true, 14)])
        {
            var refused = await Eventually.GetAsync(() => PushAsync(silo, traces, sent, overGrpc), static answer => !answer.IsWhole, answer => $"{answer}\n{silo.Log}");
            Assert.Equal((code, 0L), (refused.Code, refused.RejectedSpans));
            Assert.True(refused.RetryAfter > TimeSpan.Zero, refused.ToString());
        }
    }

    private static async Task AssertGoesOnAsync(SiloProcess silo, RandomTraces traces, SentSpans sent)
    {
        await Eventually.GetAsync(() => PushAsync(silo, traces, sent), static answer => answer.IsWhole, answer => $"{answer}\n{silo.Log}");
        await Eventually.GetAsync(silo.OwnMetricsAsync, static own => own.Sum("tempo_ingester_live_trace_bytes") == 0 && own.Sum("tempo_ingester_blocks_flushed_total") > 0, own => $"{own}\n{silo.Log}");
        for (var i = 0; i < 20; i++)
            Assert.True((await PushAsync(silo, traces, sent)).IsWhole);
        await sent.AssertFoundAsync(silo.Traces, sent.Traces, "with room again");

        await silo.KillAsync();
        await silo.StartAgainAsync();
        await sent.AssertFoundAsync(silo.Traces, sent.Traces, "after a kill with room again");
        Assert.Equal(0, (await silo.OwnMetricsAsync()).Sum("tempodb_blocks_set_aside_total"));
    }
}
