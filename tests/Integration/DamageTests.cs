using System.Globalization;
using System.Net;
using OrleansTempo.Core.Blocks.Compaction;
using OrleansTempo.Integration.Harness;
using OrleansTempo.Tests.Query;

namespace OrleansTempo.Integration;

/// <summary>What is broken on the disk costs itself alone: the process starts, says so, counts it, and finds the rest.</summary>
public sealed class DamageTests
{
    private const int Requests = 8;

    // All stays in the log, and in one segment of it, until it is asked to become a block.
    private static readonly TempoSettings s_settings = new()
    {
        Test = "damage",
        Ingester = "partitions: 1, trace_idle_period: 1h, trace_live_period: 1h, max_block_duration: 1h",
        Compactor = "disabled: true",
    };

    [Theory]
    [InlineData(1)]
    [InlineData(19)]
    [InlineData(40)]
    [InlineData(-1)]
    public async Task Log_that_ends_within_a_record_gives_all_records_before_it(int bytesLeftOfTheLast)
    {
        await using var logged = await LoggedRequests.CreateAsync();
        var (start, end) = (logged.Ends[^2], logged.Ends[^1]);
        using (var file = File.OpenWrite(logged.Segment))
            file.SetLength(bytesLeftOfTheLast > 0 ? start + bytesLeftOfTheLast : end + bytesLeftOfTheLast);

        await logged.Silo.StartAgainAsync();

        await logged.AssertFoundAllButAsync(Requests - 1);
        Assert.Equal(1, await logged.ReplayErrorsAsync("torn"));
        Assert.Contains("torn record", logged.Silo.LogOfThisRun);
        await logged.AssertPushesAreKeptAsync();
    }

    [Fact]
    public async Task Log_that_ends_between_two_records_is_whole()
    {
        await using var logged = await LoggedRequests.CreateAsync();
        using (var file = File.OpenWrite(logged.Segment))
            file.SetLength(logged.Ends[^2]);

        await logged.Silo.StartAgainAsync();

        await logged.AssertFoundAllButAsync(Requests - 1);
        Assert.Equal(0, (await logged.Silo.OwnMetricsAsync()).Sum("tempo_ingester_replay_errors_total"));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(10)]
    [InlineData(200)]
    public async Task Flipped_bit_in_a_record_costs_that_record(int offset)
    {
        await using var logged = await LoggedRequests.CreateAsync();
        FlipBit(logged.Segment, logged.Ends[2] + offset);

        await logged.Silo.StartAgainAsync();

        await logged.AssertFoundAllButAsync(3);
        Assert.Equal(1, await logged.ReplayErrorsAsync("corrupt"));
        Assert.Contains("corrupt records", logged.Silo.LogOfThisRun);
        await logged.AssertPushesAreKeptAsync();
    }

    [Fact]
    public async Task Flipped_bit_in_the_head_of_a_segment_costs_nothing()
    {
        await using var logged = await LoggedRequests.CreateAsync();
        FlipBit(logged.Segment, 13);

        await logged.Silo.StartAgainAsync();

        await logged.AssertFoundAllButAsync(-1);
        Assert.Equal(0, (await logged.Silo.OwnMetricsAsync()).Sum("tempo_ingester_replay_errors_total"));
    }

    [Fact]
    public async Task Flipped_bit_in_a_page_costs_the_block_and_answers_say_which()
    {
        await using var stored = await StoredBlocks.CreateAsync();
        FlipBit(stored.DataOf(0), 100);

        await stored.Silo.StartAgainAsync();

        await stored.AssertSetAsideAsync(partOfTheReason: "the page at");
    }

    [Fact]
    public async Task Flipped_bit_in_a_footer_costs_the_block_and_answers_say_which()
    {
        await using var stored = await StoredBlocks.CreateAsync();
        FlipBit(stored.DataOf(0), new FileInfo(stored.DataOf(0)).Length - 10);

        await stored.Silo.StartAgainAsync();

        await stored.AssertSetAsideAsync(partOfTheReason: "the footer");
    }

    [Fact]
    public async Task Data_that_was_cut_off_costs_the_block_and_answers_say_which()
    {
        await using var stored = await StoredBlocks.CreateAsync();
        using (var file = File.OpenWrite(stored.DataOf(0)))
            file.SetLength(file.Length / 2);

        await stored.Silo.StartAgainAsync();

        await stored.AssertSetAsideAsync(partOfTheReason: "truncated");
    }

    [Fact]
    public async Task Meta_that_is_no_json_costs_the_block_and_answers_say_which()
    {
        await using var stored = await StoredBlocks.CreateAsync();
        var meta = Path.Combine(Path.GetDirectoryName(stored.DataOf(0))!, "meta.json");
        FlipBit(meta, 0);

        await stored.Silo.StartAgainAsync();

        await stored.AssertSetAsideAsync(partOfTheReason: "meta.json");
    }

    [Fact]
    public async Task Data_deleted_by_hand_costs_the_block_and_answers_say_which()
    {
        await using var stored = await StoredBlocks.CreateAsync();
        File.Delete(stored.DataOf(0));

        await stored.Silo.StartAgainAsync();

        await stored.AssertSetAsideAsync(partOfTheReason: "is missing");
    }

    [Fact]
    public async Task Log_that_is_emptied_and_meta_that_is_deleted_are_told_and_counted()
    {
        await using var silo = await SiloProcess.StartAsync(s_settings);
        Assert.True((await silo.Sender.PushAsync(GoldenBodies.Call("client", "server"))).IsWhole);
        Assert.Equal(HttpStatusCode.NoContent, await silo.FlushAsync());
        Assert.True((await silo.Sender.PushAsync(GoldenBodies.Call("client", "other"))).IsWhole);
        await silo.KillAsync();
        var data = Assert.Single(Directory.GetFiles(silo.BlocksFolder, "data", SearchOption.AllDirectories));
        File.SetLastWriteTimeUtc(data, File.GetLastWriteTimeUtc(data) - TimeSpan.FromHours(1));
        File.Delete(Path.Combine(Path.GetDirectoryName(data)!, "meta.json"));
        var segment = Assert.Single(Directory.GetFiles(silo.WalFolder, "*.wal"), static path => new FileInfo(path).Length > 0);
        File.WriteAllBytes(segment, []);

        await silo.StartAgainAsync();

        Assert.Contains($"{segment} is empty, although it held records", silo.LogOfThisRun);
        Assert.Contains("has data, last written at", silo.LogOfThisRun);
        var metrics = await silo.OwnMetricsAsync();
        Assert.Equal(1, metrics.GetValueOrDefault("tempo_ingester_replay_errors_total{reason=\"missing\"}"));
        Assert.Equal(1, metrics.Sum("tempodb_blocks_without_meta_total"));
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task Second_process_on_the_same_folders_refuses_to_start_and_says_why(bool isSameStore, bool isSameLog)
    {
        await using var first = await SiloProcess.StartAsync(s_settings);
        var same = s_settings with
        {
            Trace = $"local: {{ path: '{(isSameStore ? first.BlocksFolder : "own-blocks")}' }}, wal: {{ path: '{(isSameLog ? first.WalFolder : "own-wal")}' }}",
        };

        var (exitCode, output) = await SiloProcess.RunToEndAsync(same.ToYaml(FreePorts.Next(), FreePorts.Next(), FreePorts.Next()));

        // The store is opened first, and one reason is enough.
        Assert.Equal(1, exitCode);
        Assert.Contains("in use by another process", output);
        Assert.Contains($"'{(isSameStore ? first.BlocksFolder : first.WalFolder)}'", output);
        Assert.Contains(isSameStore ? "storage.trace.local.path" : "storage.trace.wal.path", output);
        Assert.DoesNotContain(" at OrleansTempo", output);
        Assert.True((await first.Sender.PushAsync(GoldenBodies.Call("client", "server"))).IsWhole);
    }

    private static void FlipBit(string path, long offset)
    {
        var bytes = File.ReadAllBytes(path);
        bytes[offset] ^= 4;
        File.WriteAllBytes(path, bytes);
    }

    /// <summary>A process that was killed with some requests, one trace each, in one segment of its log.</summary>
    private sealed class LoggedRequests(SiloProcess silo) : IAsyncDisposable
    {
        private readonly List<SentSpans> _sent = [];

        public SiloProcess Silo => silo;

        public string Segment { get; private set; } = "";

        /// <summary>Where the record of each request ends in the segment.</summary>
        public List<long> Ends { get; } = [];

        public static async Task<LoggedRequests> CreateAsync()
        {
            var logged = new LoggedRequests(await SiloProcess.StartAsync(s_settings));
            try
            {
                logged.Segment = Assert.Single(Directory.GetFiles(logged.Silo.WalFolder, "*.wal"));
                for (var request = 0; request < Requests; request++)
                {
                    await logged.PushAsync(request);
                    logged.Ends.Add(new FileInfo(logged.Segment).Length);
                }

                await logged.Silo.KillAsync();
                return logged;
            }
            catch
            {
                await logged.DisposeAsync();
                throw;
            }
        }

        public async Task<double> ReplayErrorsAsync(string reason) =>
            (await Silo.OwnMetricsAsync()).GetValueOrDefault($"tempo_ingester_replay_errors_total{{reason=\"{reason}\"}}");

        /// <param name="lost">The request whose traces must not be there; -1 where none is lost.</param>
        public async Task AssertFoundAllButAsync(int lost)
        {
            for (var request = 0; request < _sent.Count; request++)
            {
                if (request != lost)
                    await _sent[request].AssertFoundAsync(Silo.Traces, _sent[request].Traces, $"request {request}");
                else
                    Assert.All(await Task.WhenAll(_sent[request].Traces.Select(trace => Silo.Traces.StatusAsync(trace))), static status => Assert.Equal(HttpStatusCode.NotFound, status));
            }
        }

        /// <summary>Asserts that the damage is behind: what is sent now is kept, and once all is in blocks no start complains any more.</summary>
        public async Task AssertPushesAreKeptAsync()
        {
            await PushAsync(_sent.Count);
            await Silo.KillAsync();
            await Silo.StartAgainAsync();
            await _sent[^1].AssertFoundAsync(Silo.Traces, _sent[^1].Traces, "pushed after the damage");
            await _sent[0].AssertFoundAsync(Silo.Traces, _sent[0].Traces, "pushed before the damage");
            Assert.Equal(HttpStatusCode.NoContent, await Silo.FlushAsync());
            await Silo.KillAsync();
            await Silo.StartAgainAsync();
            Assert.Equal(0, (await Silo.OwnMetricsAsync()).Sum("tempo_ingester_replay_errors_total"));
        }

        public ValueTask DisposeAsync() => Silo.DisposeAsync();

        private async Task PushAsync(int seed)
        {
            var sent = new SentSpans();
            var request = sent.Add(new RandomTraces(seed).Next(20));
            Assert.True((await Silo.Sender.PushAsync(request.Body)).IsWhole);
            request.Acknowledge();
            _sent.Add(sent);
        }
    }

    /// <summary>A process that was stopped with two blocks.</summary>
    private sealed class StoredBlocks(SiloProcess silo) : IAsyncDisposable
    {
        private readonly List<SentSpans> _sent = [];
        private readonly List<string> _blocks = [];

        public SiloProcess Silo => silo;

        public static async Task<StoredBlocks> CreateAsync()
        {
            var stored = new StoredBlocks(await SiloProcess.StartAsync(s_settings));
            try
            {
                for (var block = 0; block < 2; block++)
                {
                    var sent = new SentSpans();
                    var request = sent.Add(new RandomTraces(100 + block).Next(200));
                    Assert.True((await stored.Silo.Sender.PushAsync(request.Body)).IsWhole);
                    request.Acknowledge();
                    Assert.Equal(HttpStatusCode.NoContent, await stored.Silo.FlushAsync());
                    stored._sent.Add(sent);
                    stored._blocks.Add(Assert.Single(stored.Silo.StoredObjects.Where(static name => Path.GetFileName(name) == "meta.json").Select(static name => Path.GetFileName(Path.GetDirectoryName(name))!).Distinct().Except(stored._blocks)));
                }

                // With all in blocks, in order: the log has nothing of them any more.
                Assert.Equal(0, await stored.Silo.TerminateAsync());
                return stored;
            }
            catch
            {
                await stored.DisposeAsync();
                throw;
            }
        }

        public string DataOf(int block) => Assert.Single(Directory.GetFiles(Silo.BlocksFolder, "data", SearchOption.AllDirectories), path => path.Contains(_blocks[block], StringComparison.Ordinal));

        /// <summary>Asserts that the first block is not read any more, and that answers say so; and that all else is as it was.</summary>
        public async Task AssertSetAsideAsync(string partOfTheReason)
        {
            Assert.Equal(HttpStatusCode.OK, await Silo.ReadyAsync());
            foreach (var trace in _sent[0].Traces)
            {
                var answer = await Silo.Traces.FindAsync(trace);
                Assert.Empty(answer.Trace.ResourceSpans);
                Assert.Equal(PartialStatus.Partial, answer.Status);
                Assert.Contains(_blocks[0], answer.Message);
                Assert.Contains(partOfTheReason, answer.Message);
                var (status, text) = await Silo.Traces.TextAsync($"/api/traces/{TraceReader.Hex(trace)}");
                Assert.Equal(HttpStatusCode.InternalServerError, status);
                Assert.Contains(_blocks[0], text);
            }

            await _sent[1].AssertFoundAsync(Silo.Traces, _sent[1].Traces, "of the other block", besides: _blocks[0]);
            Assert.Equal(1, (await Silo.OwnMetricsAsync()).Sum("tempodb_blocks_set_aside_total"));
            Assert.Equal(1, (await Silo.OwnMetricsAsync()).Sum("tempodb_blocklist_length"));
            Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"Block {_blocks[0]} of tenant single-tenant is set aside"), Silo.LogOfThisRun);

            // It is not found anew, nor counted, by the next.
            await Silo.KillAsync();
            await Silo.StartAgainAsync();
            Assert.Contains(_blocks[0], (await Silo.Traces.FindAsync(_sent[0].Traces[0])).Message);
            Assert.Equal(0, (await Silo.OwnMetricsAsync()).Sum("tempodb_blocks_set_aside_total"));
        }

        public ValueTask DisposeAsync() => Silo.DisposeAsync();
    }
}
