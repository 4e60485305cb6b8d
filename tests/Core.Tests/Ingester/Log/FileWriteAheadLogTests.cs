using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Core.Configuration.Storage;
using OrleansTempo.Core.Ingester.Log;
using OrleansTempo.Core.Tests.RemoteWrite;
using static OrleansTempo.Core.Tests.Ingester.Log.WalTestData;

namespace OrleansTempo.Core.Tests.Ingester.Log;

public sealed class FileWriteAheadLogTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("wal").FullName;
    private readonly ManualTimeProvider _time = new();
    private readonly TempoMetrics _metrics = new();
    private readonly MetricValues _values;

    public FileWriteAheadLogTests() => _values = new MetricValues(_metrics);

    private WalOptions Options => new() { Path = Path.Combine(_folder, "wal") };

    public void Dispose()
    {
        _values.Dispose();
        _metrics.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Records_of_every_size_from_many_threads_come_back_byte_by_byte()
    {
        int[] sizes = [0, 1, 2, 19, 300, 8191, 8192, 8193, 70_000, 300_000, 3 << 20, 9 << 20];
        var options = Options with { SegmentBytes = 4 << 20 };
        var appended = new ConcurrentBag<string>();
        await using (var log = Open(options))
        {
            await Parallel.ForAsync(0, 240, async (i, _) =>
            {
                // The largest sizes only a few times.
                var request = Request(i, sizes[i % (i < 24 ? sizes.Length : sizes.Length - 2)]);
                var tenant = i % 3 == 0 ? Globex : Acme;
                await log.AppendAsync(tenant, request);
                appended.Add(Text(tenant, request));
            });
        }

        await using var next = Open(options);
        var (result, records) = await next.ReplayedAsync();
        Assert.Equal(appended.Order(), records.Order());
        Assert.Equal(240, result.Records);
        Assert.True(result.Segments > 3);
        Assert.Equal(0, result.CorruptRecords + result.TornBytes);
    }

    [Fact]
    public async Task Everything_acknowledged_to_eight_threads_survives_a_crash()
    {
        var options = Options with { SegmentBytes = 100_000 };
        var acknowledged = new ConcurrentBag<string>();
        await using var log = Open(options);
        var enough = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var copied = new TaskCompletionSource();
        var count = 0;
        var appenders = Enumerable.Range(0, 8).Select(thread => Task.Run(async () =>
        {
            for (var i = 0; ; i++)
            {
                var request = Request((thread * 1_000_000) + i, (i * 37 % 900) + 20);
                await log.AppendAsync(Acme, request);
                if (copied.Task.IsCompleted)
                    return;
                acknowledged.Add(Text(Acme, request));
                if (Interlocked.Increment(ref count) == 800)
                    enough.SetResult();
            }
        })).ToArray();
        await enough.Task;

        // What a process killed now would leave: everything acknowledged earlier must be in the copy.
        string[] before = [.. acknowledged];
        var crashed = Copy(options);
        copied.SetResult();
        await Task.WhenAll(appenders);

        await using var next = Open(crashed);
        var (result, records) = await next.ReplayedAsync();
        Assert.Empty(before.Except(records));
        Assert.Equal(0, result.CorruptRecords);
        Assert.Equal(records.Count, records.Distinct().Count());
    }

    [Fact]
    public async Task A_lone_caller_is_answered_at_once_and_allocates_nothing()
    {
        // Without a metrics listener, which allocates.
        using var metrics = new TempoMetrics();
        await using var log = FileWriteAheadLog.Open(Options, metrics, _time, NullLogger.Instance);
        var request = Request(1, 4000);
        await log.AppendAsync(Acme, request);

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
            Assert.True(log.AppendAsync(Acme, request).IsCompletedSuccessfully);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public async Task A_log_that_cannot_be_written_says_so_until_it_finds_by_itself_that_it_can()
    {
        var disk = new FaultyWalDisk();
        await using var log = Open(Options, disk);
        Assert.Null(log.Trouble);
        disk.Room = 0;
        await Assert.ThrowsAsync<IOException>(() => log.AppendAsync(Acme, Request(1, 10)).AsTask());
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(new WalTrouble("No space left on device", TimeSpan.FromSeconds(1), StopsAppends: false), log.Trouble);

        disk.Room = long.MaxValue;
        Assert.NotNull(log.Trouble);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(log.Trouble);
        Assert.Equal(["00000000000000000001.wal"], Directory.GetFiles(Options.Path, "*").Select(Path.GetFileName).Where(static name => name!.EndsWith(".wal", StringComparison.Ordinal) || name.EndsWith('~')));
    }

    [Fact]
    public async Task Callers_that_arrive_during_a_write_share_the_next_commit()
    {
        using var entered = new SemaphoreSlim(0);
        using var held = new SemaphoreSlim(0);
        var disk = new FaultyWalDisk { BeforeWrite = () => { entered.Release(); held.Wait(); } };
        await using var log = Open(Options, disk);
        var first = Task.Run(() => log.AppendAsync(Acme, Request(0, 10)).AsTask());
        await entered.WaitAsync();
        var others = Enumerable.Range(1, 1000).Select(i => log.AppendAsync(Acme, Request(i, 10)).AsTask()).ToArray();
        Assert.DoesNotContain(others, static t => t.IsCompleted);

        held.Release(1000);
        await first;
        await Task.WhenAll(others);
        Assert.Equal(2, disk.Writes);
    }

    [Theory]
    [InlineData(5000)]
    [InlineData(20_000)]
    [InlineData(1 << 20)]
    public async Task A_commit_is_bounded_and_the_rest_goes_into_the_next(int size)
    {
        using var entered = new SemaphoreSlim(0);
        using var held = new SemaphoreSlim(0);
        var disk = new FaultyWalDisk { BeforeWrite = () => { entered.Release(); held.Wait(); } };
        var options = Options;
        string[] expected;
        await using (var log = Open(options, disk))
        {
            var first = Task.Run(() => log.AppendAsync(Acme, Request(0, 10)).AsTask());
            await entered.WaitAsync();
            var count = size > 100_000 ? 30 : size > 10_000 ? 1100 : 1500;
            var requests = Enumerable.Range(1, count).Select(i => Request(i, size)).ToArray();
            expected = [Text(Acme, Request(0, 10)), .. requests.Select(r => Text(Acme, r))];
            var others = requests.Select(r => log.AppendAsync(Acme, r).AsTask()).ToArray();
            held.Release(1000);
            await first;
            await Task.WhenAll(others);

            // The limits are 4 MiB, and 1 MiB of copied requests. After four commits for others, a pool thread continues.
            Assert.InRange(disk.Writes, 6, 20);
        }

        await using var next = Open(options);
        Assert.Equal(expected, (await next.ReplayedAsync()).Records);
    }

    [Fact]
    public async Task A_second_log_in_the_same_directory_is_refused_until_the_first_is_closed()
    {
        var first = Open(Options);
        var error = Assert.Throws<IOException>(() => Open(Options));
        Assert.Equal($"the write-ahead log in '{Options.Path}' is in use by another process; give each process its own storage.trace.wal.path", error.Message);

        await first.DisposeAsync();
        await Open(Options).DisposeAsync();
        Assert.Equal(Environment.ProcessId.ToString(CultureInfo.InvariantCulture), File.ReadAllText(Path.Combine(Options.Path, "lock")));
    }

    [Fact]
    public void An_impossible_directory_is_named_in_the_error()
    {
        File.WriteAllText(Path.Combine(_folder, "file"), "");
        var path = Path.Combine(_folder, "file", "wal");
        var error = Assert.Throws<IOException>(() => Open(Options with { Path = path }));
        Assert.Contains($"the write-ahead log cannot be opened in '{path}'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_record_torn_at_any_byte_is_cut_off_and_all_earlier_ones_are_kept()
    {
        var (options, ends) = await WriteAsync(3);
        var whole = File.ReadAllBytes(SegmentOf(options, 1));
        for (var length = ends[1] + 1; length < ends[2]; length++)
        {
            File.WriteAllBytes(SegmentOf(options, 1), whole[..length]);
            await using (var log = Open(options))
            {
                var (result, records) = await log.ReplayedAsync();
                Assert.Equal(Written(0, 1), records);
                Assert.Equal(new ReplayResult { Segments = 1, Records = 2, Bytes = 43, TornBytes = length - ends[1] }, result);
            }

            Assert.Equal(whole[..ends[1]], File.ReadAllBytes(SegmentOf(options, 1)));
        }

        Assert.Equal(ends[2] - ends[1] - 1, _values["tempo_ingester_replay_errors_total{torn}"]);
    }

    [Fact]
    public async Task A_bit_flipped_anywhere_in_a_record_loses_only_that_record()
    {
        var (options, ends) = await WriteAsync(4);
        var whole = File.ReadAllBytes(SegmentOf(options, 1));
        for (var at = ends[0]; at < ends[1]; at++)
        {
            await using var log = Open(Flipped(options, whole, at));
            var (result, records) = await log.ReplayedAsync();
            Assert.Equal(Written(0, 2, 3), records);
            Assert.Equal((1, 0), (result.CorruptRecords, result.TornBytes));
        }

        Assert.Equal(ends[1] - ends[0], _values["tempo_ingester_replay_errors_total{corrupt}"]);
    }

    [Fact]
    public async Task A_bit_flipped_in_the_last_record_loses_only_that_record_and_cuts_nothing()
    {
        var (options, ends) = await WriteAsync(3);
        var whole = File.ReadAllBytes(SegmentOf(options, 1));
        for (var at = ends[1]; at < ends[2]; at++)
        {
            await using var log = Open(Flipped(options, whole, at));
            var (result, records) = await log.ReplayedAsync();
            Assert.Equal(Written(0, 1), records);
            Assert.Equal((1, 0), (result.CorruptRecords, result.TornBytes));
            Assert.Equal(whole.Length, new FileInfo(SegmentOf(options, 1)).Length);
        }
    }

    [Fact]
    public async Task A_bit_flipped_in_a_segment_header_loses_nothing()
    {
        var (options, _) = await WriteAsync(3);
        var whole = File.ReadAllBytes(SegmentOf(options, 1));
        for (var at = 0; at < WalFormat.SegmentHeaderBytes; at++)
        {
            await using var log = Open(Flipped(options, whole, at));
            var (result, records) = await log.ReplayedAsync();
            Assert.Equal(Written(0, 1, 2), records);
            Assert.Equal((0, 0), (result.CorruptRecords, result.TornBytes));
        }
    }

    [Fact]
    public async Task Bytes_in_a_request_that_look_like_a_record_are_not_read_as_one_behind_a_broken_header()
    {
        var options = Options;
        await WriteAsync(3);
        var forged = File.ReadAllBytes(SegmentOf(options, 1))[WalFormat.SegmentHeaderBytes..];
        await using (var log = Open(options))
        {
            await log.AppendAsync(Acme, forged);
            await log.AppendAsync(Acme, Request(7, 7));
        }

        var segment = File.ReadAllBytes(SegmentOf(options, 2));
        segment[WalFormat.SegmentHeaderBytes] ^= 1;
        File.WriteAllBytes(SegmentOf(options, 2), segment);
        File.Delete(SegmentOf(options, 1));

        await using var next = Open(options);
        var (result, records) = await next.ReplayedAsync();
        Assert.Equal([Text(Acme, Request(7, 7))], records);
        Assert.Equal(1, result.CorruptRecords);
    }

    [Fact]
    public async Task A_large_broken_region_is_skipped_up_to_the_next_good_record()
    {
        var options = Options;
        await using (var log = Open(options))
        {
            await log.AppendAsync(Acme, Request(1, 10));

            // Full of record beginnings, across all the reader's boundaries.
            await log.AppendAsync(Acme, Enumerable.Range(0, 3 << 20).Select(i => WalFormat.RecordMagic[i % 4]).ToArray());
            await log.AppendAsync(Acme, Request(2, 10));
            await log.AppendAsync(Acme, Request(3, 3 << 20));
        }

        var segment = File.ReadAllBytes(SegmentOf(options, 1));
        segment[WalFormat.SegmentHeaderBytes + WalFormat.RecordHeaderBytes + 4 + 10 + 9] ^= 1;
        File.WriteAllBytes(SegmentOf(options, 1), segment);

        await using var next = Open(options);
        var (result, records) = await next.ReplayedAsync();
        Assert.Equal([Text(Acme, Request(1, 10)), Text(Acme, Request(2, 10)), Text(Acme, Request(3, 3 << 20))], records);
        Assert.Equal(1, result.CorruptRecords);
    }

    [Theory]
    [InlineData("emptied", "is empty")]
    [InlineData("full of zeros", "is empty")]
    [InlineData("deleted", "is gone")]
    public async Task A_segment_that_held_records_and_is_empty_or_gone_is_logged_once_and_counted(string how, string told)
    {
        var (options, _) = await WriteAsync(2);
        var segment = SegmentOf(options, 1);
        if (how == "deleted")
            File.Delete(segment);
        else
            File.WriteAllBytes(segment, new byte[how == "emptied" ? 0 : 500]);

        var lines = new LogLines();
        await using (var log = FileWriteAheadLog.Open(options, _metrics, _time, lines, new WalDisk()))
        {
            Assert.Equal(2, log.CurrentSegment);
            Assert.Empty((await log.ReplayedAsync()).Records);
            await log.AppendAsync(Acme, Request(0, 21));
        }

        Assert.StartsWith($"Error: The write-ahead log file {segment} {told}, although it held records: acknowledged spans that were not yet in blocks are lost.", Assert.Single(lines.Lines), StringComparison.Ordinal);
        Assert.Equal(1, _values["tempo_ingester_replay_errors_total{missing}"]);
        Assert.Equal(0, _values["tempo_ingester_replay_errors_total{torn}"]);

        await using var next = FileWriteAheadLog.Open(options, _metrics, _time, lines, new WalDisk());
        Assert.Equal(Written(0), (await next.ReplayedAsync()).Records);
        Assert.Single(lines.Lines);
    }

    [Fact]
    public async Task A_segment_that_was_released_or_never_written_or_is_unreadable_is_not_reported_missing()
    {
        var options = Options with { SegmentBytes = 100 };
        var lines = new LogLines();
        await using (var log = FileWriteAheadLog.Open(options, _metrics, _time, lines, new WalDisk()))
        {
            for (var i = 0; i < 5; i++)
                await log.AppendAsync(Acme, Request(i, 200));
            log.Release(log.CurrentSegment + 1);
        }

        for (var i = 0; i < 3; i++)
        {
            await using var log = FileWriteAheadLog.Open(options, _metrics, _time, lines, new WalDisk());
            Assert.Empty((await log.ReplayedAsync()).Records);
        }

        await using (var log = FileWriteAheadLog.Open(options, _metrics, _time, lines, new WalDisk()))
            await log.AppendAsync(Acme, Request(0, 21));
        var unreadable = SegmentsIn(options)[^1];
        File.WriteAllText(unreadable, new string('x', 500));
        for (var i = 0; i < 2; i++)
        {
            await using var log = FileWriteAheadLog.Open(options, _metrics, _time, lines, new WalDisk());
            await log.ReplayedAsync();
            File.Delete(unreadable);
        }

        Assert.Contains("cannot be read", Assert.Single(lines.Lines), StringComparison.Ordinal);
        Assert.Equal(0, _values["tempo_ingester_replay_errors_total{missing}"]);
    }

    [Fact]
    public async Task A_truncated_log_does_not_claim_to_have_lost_nothing()
    {
        var (options, ends) = await WriteAsync(3);
        using (var file = File.OpenWrite(SegmentOf(options, 1)))
            file.SetLength(ends[1] - 1);
        var lines = new LogLines();
        await using var log = FileWriteAheadLog.Open(options, _metrics, _time, lines, new WalDisk());
        Assert.Equal(Written(0), (await log.ReplayedAsync()).Records);
        var line = Assert.Single(lines.Lines);
        Assert.Contains("may have been acknowledged, and are lost", line, StringComparison.Ordinal);
        Assert.DoesNotContain("never acknowledged", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_not_a_segment_is_skipped_and_left_alone()
    {
        var (options, _) = await WriteAsync(1);
        var alien = Enumerable.Repeat((byte)'x', 500).ToArray();
        File.WriteAllBytes(SegmentOf(options, 2), alien);
        File.WriteAllBytes(SegmentOf(options, 3), []);
        File.WriteAllBytes(SegmentOf(options, 4), new byte[9000]);
        File.WriteAllBytes(SegmentOf(options, 5), "OTempW"u8.ToArray());
        var newer = File.ReadAllBytes(SegmentOf(options, 1));
        newer[8] = 2;
        BinaryPrimitives.WriteUInt32LittleEndian(newer.AsSpan(24), Crc32C.Of(newer.AsSpan(0, 24)));
        File.WriteAllBytes(SegmentOf(options, 6), newer);
        File.WriteAllText(Path.Combine(options.Path, "notes.wal"), "not ours");

        await using var log = Open(options);
        Assert.Equal(7, log.CurrentSegment);
        var (result, records) = await log.ReplayedAsync();
        Assert.Equal(Written(0), records);
        Assert.Equal((0, 9006), (result.CorruptRecords, result.TornBytes));
        Assert.Equal(2, _values["tempo_ingester_replay_errors_total{unreadable}"]);

        log.Release(log.CurrentSegment);
        Assert.Equal(["00000000000000000002.wal", "00000000000000000006.wal", "00000000000000000007.wal", "identity.json", "lock", "notes.wal"], FilesIn(options));
        Assert.Equal(alien, File.ReadAllBytes(SegmentOf(options, 2)));
    }

    [Fact]
    public async Task A_callback_exception_propagates_and_replay_can_be_started_again()
    {
        var (options, _) = await WriteAsync(3);
        await using var log = Open(options);
        await Assert.ThrowsAsync<TimeoutException>(() => log.ReplayAsync(static _ => throw new TimeoutException(), CancellationToken.None));
        using var cancelled = new CancellationTokenSource();
        await Assert.ThrowsAsync<OperationCanceledException>(() => log.ReplayAsync(
            _ =>
            {
                cancelled.Cancel();
                return default;
            },
            cancelled.Token));
        Assert.Equal(Written(0, 1, 2), (await log.ReplayedAsync()).Records);
    }

    [Fact]
    public async Task Twenty_kills_leave_the_log_no_larger_than_one()
    {
        var options = Options;
        var sizes = new List<long>();
        for (var i = 0; i <= 20; i++)
        {
            // Never closed: for a killed process, the operating system only releases its lock.
            using var identity = WalIdentity.Claim(options.Path, NullLogger.Instance);
            var log = FileWriteAheadLog.Open(identity, options, _metrics, _time, NullLogger.Instance);
            if (i == 0)
                await log.AppendAsync(Acme, Request(0, 21));
            else
                Assert.Equal(Written(0), (await log.ReplayedAsync()).Records);
            sizes.Add(SegmentsIn(options).Sum(static f => new FileInfo(f).Length));
        }

        Assert.Single(sizes.Distinct());
    }

    [Fact]
    public async Task Segments_roll_and_keep_counting_across_restarts_and_are_deleted_when_released()
    {
        var options = Options with { SegmentBytes = 200 };
        await using (var log = Open(options))
        {
            Assert.Equal(1, log.CurrentSegment);
            for (var i = 0; i < 6; i++)
                await log.AppendAsync(Acme, Request(i, 100));
            Assert.Equal(3, log.CurrentSegment);
            Assert.Equal(3, _values["tempo_ingester_wal_segments"]);
            log.Release(2);
            Assert.Equal([SegmentOf(options, 2), SegmentOf(options, 3)], SegmentsIn(options));
        }

        await using var next = Open(options);
        Assert.Equal(4, next.CurrentSegment);
        Assert.Equal(Texts(100, 2, 3, 4, 5), (await next.ReplayedAsync()).Records);
        next.Release(100);
        Assert.Equal([SegmentOf(options, 4)], SegmentsIn(options));
        Assert.Equal(1, _values["tempo_ingester_wal_segments"]);
        await next.AppendAsync(Acme, Request(9, 1));
        await next.DisposeAsync();

        await using var third = Open(options);
        Assert.Equal(5, third.CurrentSegment);
        Assert.Equal(Texts(1, 9), (await third.ReplayedAsync()).Records);
    }

    [Fact]
    public async Task Numbers_continue_even_after_everything_was_released_and_nothing_written_since()
    {
        await using (var log = Open(Options))
            await log.AppendAsync(Acme, Request(1, 1));
        await using (var log = Open(Options))
            log.Release(log.CurrentSegment);
        await using var third = Open(Options);
        Assert.Equal(3, third.CurrentSegment);
        Assert.Equal(0, (await third.ReplayedAsync()).Result.Segments);
    }

    [Fact]
    public async Task A_record_never_goes_into_a_segment_before_the_one_that_was_current_before_it()
    {
        var options = Options with { SegmentBytes = 2000 };
        await using (var log = Open(options))
        {
            await Parallel.ForAsync(0, 2000, async (i, _) =>
            {
                var request = new byte[100];
                BitConverter.TryWriteBytes(request, log.CurrentSegment);
                await log.AppendAsync(Acme, request);
            });
        }

        await using var next = Open(options);
        var count = 0;
        await next.ReplayAsync(
            record =>
            {
                Assert.True(record.Segment >= BitConverter.ToInt64(record.Request.Span));
                count++;
                return default;
            },
            CancellationToken.None);
        Assert.Equal(2000, count);
    }

    [Theory]
    [InlineData(WalSync.Interval)]
    [InlineData(WalSync.Always)]
    public async Task A_fully_released_segment_is_deleted_even_if_it_is_the_current_one(WalSync sync)
    {
        var options = Options with { Sync = sync };
        await using var log = Open(options);
        await log.AppendAsync(Acme, Request(1, 1000));
        log.Release(log.CurrentSegment);
        Assert.Equal(1, log.CurrentSegment);

        _time.Advance(TimeSpan.FromMinutes(1));
        log.Release(log.CurrentSegment);
        while (log.CurrentSegment == 1)
            await Task.Yield();
        log.Release(log.CurrentSegment);
        Assert.Equal([SegmentOf(options, 2)], SegmentsIn(options));

        // The new segment is empty, so it stays.
        _time.Advance(TimeSpan.FromMinutes(5));
        log.Release(log.CurrentSegment);
        Assert.Equal(2, log.CurrentSegment);
    }

    [Theory]
    [InlineData(WalSync.Interval)]
    [InlineData(WalSync.Always)]
    public async Task A_full_disk_fails_only_what_could_not_be_written_and_writing_resumes_when_there_is_room(WalSync sync)
    {
        var disk = new FaultyWalDisk();
        var options = Options with { Sync = sync };
        await using (var log = Open(options, disk))
        {
            await log.AppendAsync(Acme, Request(0, 100));
            disk.Room = 150;
            var error = await Assert.ThrowsAsync<IOException>(() => log.AppendAsync(Acme, Request(1, 20_000)).AsTask());
            Assert.Contains(SegmentOf(options, 1), error.Message, StringComparison.Ordinal);
            Assert.Contains("No space left on device", error.Message, StringComparison.Ordinal);
            Assert.Contains("Send it again", error.Message, StringComparison.Ordinal);
            for (var i = 2; i < 5; i++)
                await Assert.ThrowsAsync<IOException>(() => log.AppendAsync(Acme, Request(i, 100)).AsTask());
            Assert.Equal(4, _values["tempo_ingester_wal_write_failures_total"]);

            disk.Room = long.MaxValue;
            await log.AppendAsync(Acme, Request(5, 100));
            await log.AppendAsync(Acme, Request(6, 100));
        }

        // Nothing torn was left, and there is not a file for every failure.
        await using var next = Open(options);
        var (result, records) = await next.ReplayedAsync();
        Assert.Equal(Texts(100, 0, 5, 6), records);
        Assert.Equal((2, 0, 0), (result.Segments, result.CorruptRecords, result.TornBytes));
        Assert.Equal(3, next.CurrentSegment);
    }

    [Fact]
    public async Task Bytes_that_a_failing_disk_would_not_cut_off_lose_no_other_record()
    {
        var disk = new FaultyWalDisk { CutFails = true };
        var options = Options;
        await using (var log = Open(options, disk))
        {
            await log.AppendAsync(Acme, Request(0, 100));
            disk.Room = 60;
            await Assert.ThrowsAsync<IOException>(() => log.AppendAsync(Acme, Request(1, 100)).AsTask());
            disk.Room = long.MaxValue;
            await log.AppendAsync(Acme, Request(2, 100));
        }

        await using var next = Open(options);
        var (result, records) = await next.ReplayedAsync();
        Assert.Equal(Texts(100, 0, 2), records);
        Assert.Equal((0, 60), (result.CorruptRecords, result.TornBytes));
    }

    [Fact]
    public async Task If_no_new_segment_can_be_created_the_last_one_continues()
    {
        var disk = new FaultyWalDisk();
        var options = Options with { SegmentBytes = 100 };
        await using (var log = Open(options, disk))
        {
            disk.CreateFails = true;
            for (var i = 0; i < 4; i++)
                await log.AppendAsync(Acme, Request(i, 100));
            Assert.Equal(1, log.CurrentSegment);
            Assert.Equal(3, _values["tempo_ingester_wal_write_failures_total"]);
            disk.CreateFails = false;
            await log.AppendAsync(Acme, Request(4, 100));
            Assert.Equal(2, log.CurrentSegment);
        }

        await using var next = Open(options);
        Assert.Equal(Texts(100, 0, 1, 2, 3, 4), (await next.ReplayedAsync()).Records);
    }

    [Fact]
    public async Task The_interval_flushes_what_was_written_and_nothing_if_nothing_was()
    {
        var disk = new FaultyWalDisk();
        await using var log = Open(Options with { SegmentBytes = 200 }, disk);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(0, disk.Flushes);

        await log.AppendAsync(Acme, Request(0, 100));
        Assert.Equal(0, disk.Flushes);
        _time.Advance(TimeSpan.FromMilliseconds(200));
        Assert.Equal(1, disk.Flushes);
        var entries = disk.DirectoryFlushes;
        _time.Advance(TimeSpan.FromMilliseconds(200));
        Assert.Equal(1, disk.Flushes);

        // Three segments: two rolled, one begun.
        for (var i = 0; i < 4; i++)
            await log.AppendAsync(Acme, Request(i, 100));
        Assert.Equal(3, log.CurrentSegment);
        _time.Advance(TimeSpan.FromMilliseconds(200));
        Assert.Equal(4, disk.Flushes);
        Assert.Equal(entries + 1, disk.DirectoryFlushes);
    }

    [Fact]
    public async Task With_always_a_commit_is_flushed_before_it_is_acknowledged_and_a_failed_flush_fails_it()
    {
        var disk = new FaultyWalDisk();
        var options = Options with { Sync = WalSync.Always };
        await using (var log = Open(options, disk))
        {
            var entries = disk.DirectoryFlushes;
            await log.AppendAsync(Acme, Request(0, 100));
            Assert.Equal((1, entries + 1), (disk.Flushes, disk.DirectoryFlushes));
            await log.AppendAsync(Acme, Request(1, 100));
            Assert.Equal((2, entries + 1), (disk.Flushes, disk.DirectoryFlushes));

            disk.FlushFails = true;
            await Assert.ThrowsAsync<IOException>(() => log.AppendAsync(Acme, Request(2, 100)).AsTask());
            disk.FlushFails = false;
            await log.AppendAsync(Acme, Request(3, 100));
            Assert.Equal(2, log.CurrentSegment);
            await Task.WhenAll(Enumerable.Range(4, 96).Select(i => Task.Run(() => log.AppendAsync(Acme, Request(i, 100)).AsTask())));
        }

        await using var next = Open(options);
        Assert.Equal(Texts(100, [0, 1, .. Enumerable.Range(3, 97)]).Order(), (await next.ReplayedAsync()).Records.Order());
    }

    [Fact]
    public async Task With_never_nothing_is_flushed_and_everything_is_still_readable()
    {
        var disk = new FaultyWalDisk();
        var options = Options with { Sync = WalSync.Never, SegmentBytes = 200 };
        await using (var log = Open(options, disk))
        {
            for (var i = 0; i < 5; i++)
                await log.AppendAsync(Acme, Request(i, 100));
            _time.Advance(TimeSpan.FromHours(1));
        }

        Assert.Equal(0, disk.Flushes);
        await using var next = Open(options);
        Assert.Equal(Texts(100, 0, 1, 2, 3, 4), (await next.ReplayedAsync()).Records);
    }

    [Fact]
    public async Task A_flush_that_fails_is_counted_once_and_the_next_commit_goes_to_another_file()
    {
        var disk = new FaultyWalDisk { FlushFails = true };
        await using var log = Open(Options, disk);
        await log.AppendAsync(Acme, Request(0, 100));
        _time.Advance(TimeSpan.FromMilliseconds(200));
        _time.Advance(TimeSpan.FromMilliseconds(200));
        Assert.Equal(1, _values["tempo_ingester_wal_write_failures_total"]);

        await log.AppendAsync(Acme, Request(1, 100));
        Assert.Equal(2, log.CurrentSegment);
    }

    [Fact]
    public async Task Closing_writes_and_flushes_what_waited_and_refuses_more()
    {
        using var entered = new SemaphoreSlim(0);
        using var held = new SemaphoreSlim(0);
        var disk = new FaultyWalDisk { BeforeWrite = () => { entered.Release(); held.Wait(); } };
        var log = Open(Options, disk);
        var first = Task.Run(() => log.AppendAsync(Acme, Request(0, 10)).AsTask());
        await entered.WaitAsync();
        var waiting = log.AppendAsync(Acme, Request(1, 10)).AsTask();
        var closing = log.DisposeAsync().AsTask();
        var refused = await Assert.ThrowsAsync<IOException>(() => log.AppendAsync(Acme, Request(2, 10)).AsTask());
        Assert.Contains("closed", refused.Message, StringComparison.Ordinal);
        Assert.False(closing.IsCompleted);

        held.Release(10);
        await Task.WhenAll(first, waiting, closing);
        Assert.Equal(1, disk.Flushes);
        await log.DisposeAsync();
        await using var next = Open(Options);
        Assert.Equal(Texts(10, 0, 1), (await next.ReplayedAsync()).Records);
    }

    private static string SegmentOf(WalOptions options, long number) => WalSegmentFile.PathOf(options.Path, number);

    private static string[] SegmentsIn(WalOptions options) => [.. WalSegmentFile.NumbersIn(options.Path).Select(n => SegmentOf(options, n))];

    private static IEnumerable<string> FilesIn(WalOptions options) => Directory.GetFiles(options.Path).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal);

    private static string[] Texts(int length, params int[] numbers) => [.. numbers.Select(n => Text(Acme, Request(n, length)))];

    // What WriteAsync wrote under these numbers.
    private static string[] Written(params int[] numbers) => [.. numbers.Select(n => Text(Acme, Request(n, 21 + n)))];

    private static WalOptions Flipped(WalOptions options, byte[] segment, int at)
    {
        byte[] flipped = [.. segment];
        flipped[at] ^= (byte)(1 << (at % 8));
        File.WriteAllBytes(SegmentOf(options, 1), flipped);
        return options;
    }

    private FileWriteAheadLog Open(WalOptions options, WalDisk? disk = null) =>
        FileWriteAheadLog.Open(options, _metrics, _time, NullLogger.Instance, disk ?? new WalDisk());

    // Records 0, 1, … in one segment, and where in it each of them ends.
    private async Task<(WalOptions Options, int[] Ends)> WriteAsync(int records)
    {
        var options = Options;
        var ends = new int[records];
        await using var log = Open(options);
        for (var i = 0; i < records; i++)
        {
            await log.AppendAsync(Acme, Request(i, 21 + i));
            ends[i] = (int)new FileInfo(SegmentOf(options, 1)).Length;
        }

        return (options, ends);
    }

    private WalOptions Copy(WalOptions options)
    {
        var copy = options with { Path = Path.Combine(_folder, "copy") };
        Directory.CreateDirectory(copy.Path);

        // Oldest first, as the log grows: records of later segments were acknowledged after all earlier ones.
        foreach (var segment in SegmentsIn(options))
        {
            using var source = new FileStream(segment, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var target = File.Create(Path.Combine(copy.Path, Path.GetFileName(segment)));
            source.CopyTo(target);
        }

        return copy;
    }
}
