using System.Globalization;
using System.Text.RegularExpressions;
using OrleansTempo.Core.Blocks.Compaction;

namespace OrleansTempo.Integration;

/// <summary>Acknowledged means kept: a process that is killed again and again, at whatever moment, loses nothing it said it had.</summary>
public sealed partial class KillTests
{
    private const int Senders = 4;
    private const int Sample = 50;

    // Small limits, so that a second of load cuts, writes and merges blocks, and kills hit each of these.
    private static readonly TempoSettings s_settings = new()
    {
        Test = "kill",
        Ingester = "partitions: 3, trace_idle_period: 200ms, trace_live_period: 1s, flush_check_period: 100ms, max_block_bytes: 65536, max_block_duration: 1s",
        Trace = "blocklist_poll: 500ms, wal: { segment_bytes: 65536 }",
        Compactor = "compaction: { compaction_cycle: 500ms, compacted_block_retention: 5s }",
    };

    [Fact]
    public Task Eight_kills_at_random_moments_lose_no_acknowledged_span() => KillFromSeedAsync(8);

    [Fact, Trait("Category", "Long")]
    public Task Fifty_kills_at_random_moments_lose_no_acknowledged_span() => KillFromSeedAsync(50);

    [Fact]
    public async Task Ten_kills_leave_the_log_no_larger_than_one()
    {
        await using var silo = await SiloProcess.StartAsync(new() { Test = "kill-log", Ingester = "trace_idle_period: 1h, trace_live_period: 1h, max_block_duration: 1h" });
        var sent = new SentSpans();
        var traces = new RandomTraces(1);
        for (var i = 0; i < 50; i++)
        {
            var request = sent.Add(traces.Next(20));
            Assert.True((await silo.Sender.PushAsync(request.Body)).IsWhole);
            request.Acknowledge();
        }

        await silo.KillAsync();
        var logged = LogBytes();
        for (var kill = 1; kill <= 10; kill++)
        {
            await silo.StartAgainAsync();
            await sent.AssertFoundAsync(silo.Traces, sent.Traces, $"after kill {kill}");
            await silo.KillAsync();
            Assert.Equal(logged, LogBytes());
        }

        long LogBytes() => new DirectoryInfo(silo.WalFolder).GetFiles("*.wal", SearchOption.AllDirectories).Sum(static segment => segment.Length);
    }

    private static async Task KillFromSeedAsync(int kills)
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("KILL_SEED"), CultureInfo.InvariantCulture, out var chosen) ? chosen : 20261124;
        try
        {
            await KillAsync(kills, seed);
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"with KILL_SEED={seed}: {e.Message}", e);
        }
    }

    private static async Task KillAsync(int kills, int seed)
    {
        var random = new Random(seed);
        var sent = new SentSpans();
        var load = new TraceLoad(seed, Senders, sent);
        await using var silo = await SiloProcess.StartAsync(s_settings);
        for (var kill = 1; kill <= kills; kill++)
        {
            var known = sent.Traces;
            var stopLoad = load.Start(silo);
            await Task.Delay(random.Next(50, 1000));
            await silo.KillAsync();
            Assert.Empty(await stopLoad());

            silo.LetClaimsRunOut();
            if (random.Next(3) == 0)
                silo.TakePorts();
            if (random.Next(4) == 0)
            {
                // Once more while it starts, perhaps in the midst of the replay.
                silo.Launch();
                await Task.Delay(random.Next(200, 1200));
                await silo.KillAsync();
            }

            await silo.StartAgainAsync();
            var old = known.ToArray();
            random.Shuffle(old);
            await sent.AssertFoundAsync(silo.Traces, [.. old.Take(Sample), .. sent.Traces.Except(known)], $"after kill {kill}");
        }

        await sent.AssertFoundAsync(silo.Traces, sent.Traces, "after the last kill");
        Assert.True(sent.Acknowledged > 250 * kills, $"only {sent.Acknowledged} spans were acknowledged");

        // What is in blocks needs no log, and what is merged no longer what it was made of.
        await Eventually.GetAsync(silo.OwnMetricsAsync, own => own.Sum("tempo_ingester_live_trace_bytes") == 0 && own.Sum("tempo_ingester_wal_segments") == 1, own => $"{own}\n{silo.Log}");
        Assert.Single(Directory.GetFiles(silo.WalFolder, "*.wal"));
        await Eventually.GetAsync(silo.OwnMetricsAsync, own => own.Sum("tempodb_blocklist_length") is > 0 and < 40, own => $"{own}\n{silo.Log}");
        await Eventually.GetAsync(() => Task.FromResult(Directory.GetFiles(silo.BlocksFolder, "meta*.json", SearchOption.AllDirectories).Length), metas => metas < 40, metas => $"{metas} blocks\n{silo.Log}");
        await sent.AssertFoundAsync(silo.Traces, sent.Traces, "from merged blocks");

        Assert.Equal("", string.Join('\n', Complaints().Matches(silo.Log).Select(match => match.Value)));
        Assert.Contains("Replayed ", silo.Log);
        Assert.Contains("Merged ", silo.Log);
    }

    [GeneratedRegex("^.*( level=error | err=|[Ee]xception|^   at ).*$", RegexOptions.Multiline)]
    private static partial Regex Complaints();
}
