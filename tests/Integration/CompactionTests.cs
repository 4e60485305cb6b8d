using System.Net;
using OrleansTempo.Core.Blocks.Compaction;

namespace OrleansTempo.Integration;

/// <summary>Blocks are merged and go when their time has come; what is asked for meanwhile is always there.</summary>
public sealed class CompactionTests
{
    [Fact]
    public async Task Many_small_blocks_become_few_and_every_trace_is_found_throughout()
    {
        await using var silo = await SiloProcess.StartAsync(new()
        {
            Test = "compaction",
            Ingester = "partitions: 1, complete_block_timeout: 1s",
            Trace = "blocklist_poll: 300ms",
            Compactor = "compaction: { compaction_cycle: 300ms, compacted_block_retention: 2s }",
        });
        var sent = new SentSpans();
        var traces = new RandomTraces(3);
        using var enough = new CancellationTokenSource();
        var asking = AskAsync(silo, sent, enough.Token);

        // More than the sixteen that a merge takes at most.
        for (var block = 0; block < 24; block++)
        {
            var request = sent.Add(traces.Next(50));
            Assert.True((await silo.Sender.PushAsync(request.Body)).IsWhole);
            request.Acknowledge();
            Assert.Equal(HttpStatusCode.NoContent, await silo.FlushAsync());
        }

        await Eventually.GetAsync(
            silo.OwnMetricsAsync,
            own => own.Sum("tempodb_blocklist_length") is > 0 and < 8 && own.Sum("tempodb_retention_deleted_total") >= 20,
            own => $"{own}\n{silo.Log}");
        await enough.CancelAsync();

        Assert.True(await asking > 100);
        await sent.AssertFoundAsync(silo.Traces, sent.Traces, "from merged blocks");
        Assert.Equal(0, (await silo.OwnMetricsAsync()).Sum("tempodb_compaction_errors_total"));
        Assert.Equal(0, (await silo.OwnMetricsAsync()).Sum("tempodb_blocks_set_aside_total"));
        Assert.DoesNotContain("level=error", silo.Log);
        Assert.Contains("level 1", silo.Log);
    }

    [Fact]
    public async Task Blocks_are_deleted_when_their_retention_is_over()
    {
        await using var silo = await SiloProcess.StartAsync(new()
        {
            Test = "retention",
            Ingester = "complete_block_timeout: 1s",
            Trace = "blocklist_poll: 300ms",
            Compactor = "compaction: { compaction_cycle: 300ms, block_retention: 4s, compacted_block_retention: 1s }",
        });
        var request = new SentSpans().Add(new RandomTraces(4).Next(20));
        Assert.True((await silo.Sender.PushAsync(request.Body)).IsWhole);
        Assert.Equal(HttpStatusCode.NoContent, await silo.FlushAsync());
        Assert.Contains(silo.StoredObjects, static path => path.EndsWith("/meta.json", StringComparison.Ordinal));

        foreach (var traceId in request.Traces)
            await Eventually.GetAsync(() => silo.Traces.StatusAsync(traceId), status => status == HttpStatusCode.NotFound, status => $"{status}\n{silo.Log}");

        // The metrics-generator's claim to its series is no block, and stays.
        await Eventually.GetAsync(
            () => Task.FromResult(silo.StoredObjects.Where(static path => !path.StartsWith("generators/", StringComparison.Ordinal)).ToList()),
            left => left.Count == 0,
            left => $"{string.Join('\n', left)}\n{silo.Log}");

        var own = await silo.OwnMetricsAsync();
        Assert.Equal(own.Sum("tempo_ingester_blocks_flushed_total"), own.Sum("tempodb_retention_marked_for_deletion_total"));
        Assert.Equal(own.Sum("tempo_ingester_blocks_flushed_total"), own.Sum("tempodb_retention_deleted_total"));
        Assert.Equal(0, own.Sum("tempodb_blocklist_length"));
    }

    // Until it is told to stop, one trace after another that was acknowledged; returns how often.
    private static async Task<int> AskAsync(SiloProcess silo, SentSpans sent, CancellationToken enough)
    {
        var random = new Random(5);
        for (var asked = 0; ; asked++)
        {
            if (enough.IsCancellationRequested)
                return asked;
            var known = sent.Traces;
            if (known.Count == 0)
            {
                await Task.Delay(10, CancellationToken.None);
                continue;
            }

            var traceId = known[random.Next(known.Count)];
            await sent.AssertFoundAsync(silo.Traces, [traceId], $"as answer {asked}");
            if (asked % 10 == 0)
                Assert.Equal(HttpStatusCode.OK, await silo.Traces.StatusAsync(traceId));
        }
    }
}
