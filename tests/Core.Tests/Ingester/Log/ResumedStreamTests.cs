using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Win32.SafeHandles;
using OrleansTempo.Core.Configuration.Storage;
using OrleansTempo.Core.Ingester.Log;
using OrleansTempo.Core.Tests.Objects;
using OrleansTempo.Core.Tests.RemoteWrite;
using OrleansTempo.Core.Tests.RemoteWrite.Queue;
using static OrleansTempo.Core.Tests.Ingester.Log.WalTestData;

namespace OrleansTempo.Core.Tests.Ingester.Log;

/// <summary>What a restarted process finds: its own stream, a log of the other type, and what other processes have made of them in the meantime.</summary>
public sealed class ResumedStreamTests : ObjectLogFixture
{
    // Put at once, alone in its object.
    private const int Large = 20_000;

    private readonly string _folder = Directory.CreateTempSubdirectory("wal").FullName;

    private WalOptions FileOptions => new() { Path = Path.Combine(_folder, "wal"), SegmentBytes = 200 };

    public override void Dispose()
    {
        base.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_restarted_process_resumes_its_stream_at_once_and_appends_nothing()
    {
        var (first, identity) = await StartAsync();
        await AppendAsync(first, 0, 1, 2);
        Kill(first, identity);
        var names = Store.Names;

        var (log, next) = await StartAsync();
        Assert.Equal(first.Stream, log.Stream);
        var replayed = new List<(long, string)>();
        var result = await log.ReplayAsync(record =>
        {
            replayed.Add((record.Segment, Text(record.Tenant, record.Request.Span)));
            return default;
        }, CancellationToken.None);
        Assert.Equal([(1L, TextOf(0)), (2L, TextOf(1)), (3L, TextOf(2))], replayed);
        Assert.Equal((3, 3L, 3L * Large), (result.Segments, result.Records, result.Bytes));
        Assert.Equal([$"wal/{log.Stream}/00000000000000000004"], Store.Names.Except(names));

        // It continues behind what it resumed, and releases that like its own records.
        await AppendAsync(log, 3);
        log.Release(3);
        await UntilAsync(() => Store.Names.Count == 4);
        Kill(log, next);
        var (third, last) = await StartAsync();
        Assert.Equal([TextOf(2), TextOf(3)], (await third.ReplayedAsync()).Records);
        await third.DisposeAsync();
        last.Dispose();
    }

    [Fact]
    public async Task Until_a_resumed_stream_is_replayed_others_know_that_its_records_are_nowhere_yet()
    {
        var (first, identity) = await StartAsync();
        await AppendAsync(first, 0);
        Kill(first, identity);
        await using var other = await OpenAsync("other");
        var watching = OrphansOf(other);

        var (log, next) = await StartAsync();
        Assert.Empty(await watching.ListAsync());
        Assert.Single(watching.Unadopted);
        Assert.Equal([TextOf(0)], (await log.ReplayedAsync()).Records);
        await watching.ListAsync();
        Assert.Empty(watching.Unadopted);
        await StopAsync(log, next);
    }

    [Fact]
    public async Task Twenty_kills_leave_the_log_no_larger_than_one()
    {
        var (log, identity) = await StartAsync();
        await AppendAsync(log, 0, 1, 2);
        var sizes = new List<(int, long)>();
        for (var i = 0; i < 20; i++)
        {
            Kill(log, identity);
            (log, identity) = await StartAsync();
            Assert.Equal([TextOf(0), TextOf(1), TextOf(2)], (await log.ReplayedAsync()).Records);
            sizes.Add((Store.Names.Count, Store.Names.Sum(n => (long)Store[n].Length)));
        }

        Assert.Equal(5, sizes[0].Item1);
        Assert.Single(sizes.Distinct());
        await log.DisposeAsync();
        identity.Dispose();
    }

    [Fact]
    public async Task After_a_clean_stop_the_stream_is_resumed_with_what_was_left_or_begun_again_if_nothing_was()
    {
        var (log, identity) = await StartAsync();
        await AppendAsync(log, 0);
        await StopAsync(log, identity);

        var (second, next) = await StartAsync();
        Assert.Equal(log.Stream, second.Stream);
        Assert.Equal([TextOf(0)], (await second.ReplayedAsync()).Records);
        second.Release(second.CurrentSegment + 1);
        await StopAsync(second, next);
        Assert.Empty(Store.Names);

        var (third, last) = await StartAsync();
        Assert.NotEqual(log.Stream, third.Stream);
        Assert.Equal(default, (await third.ReplayedAsync()).Result);
        await StopAsync(third, last);
    }

    [Fact]
    public async Task A_stream_that_another_process_has_adopted_is_not_resumed()
    {
        var (log, identity) = await StartAsync();
        await AppendAsync(log, 0);
        Kill(log, identity);
        await using var other = await OpenAsync("other");
        await PassAsync(Lease + TimeSpan.FromSeconds(5), other);
        Assert.Equal([TextOf(0)], (await AdoptAsync(other, log.Stream)).Records);

        var (second, next) = await StartAsync();
        Assert.NotEqual(log.Stream, second.Stream);
        Assert.Equal(default, (await second.ReplayedAsync()).Result);
        Assert.Empty(await OrphansOf(second).ListAsync());

        // From now on it resumes this stream.
        await AppendAsync(second, 1);
        Kill(second, next);
        var (third, last) = await StartAsync();
        Assert.Equal((second.Stream, TextOf(1)), (third.Stream, Assert.Single((await third.ReplayedAsync()).Records)));
        await StopAsync(third, last);
    }

    [Fact]
    public async Task A_stream_that_another_process_is_adopting_is_left_to_it()
    {
        var (log, identity) = await StartAsync();
        await AppendAsync(log, 0, 1);
        Kill(log, identity);
        await using var other = await OpenAsync("other");
        await PassAsync(Lease + TimeSpan.FromSeconds(5), other);
        var adopted = new List<string>();
        string? stream = null;
        await OrphansOf(other).AdoptAsync(
            log.Stream,
            async record =>
            {
                adopted.Add(Text(record.Tenant, record.Request.Span));
                if (stream is not null)
                    return;
                var (second, next) = await StartAsync();
                stream = second.Stream;
                Assert.DoesNotContain(log.Stream, await OrphansOf(second).ListAsync());
                await StopAsync(second, next);
            },
            CancellationToken.None);
        Assert.NotNull(stream);
        Assert.NotEqual(log.Stream, stream);
        Assert.Equal([TextOf(0), TextOf(1)], adopted);
    }

    [Fact]
    public async Task A_foreign_fence_at_the_end_makes_the_stream_an_orphan_although_its_owner_record_is_ours()
    {
        var (log, identity) = await StartAsync();
        await AppendAsync(log, 0, 1);
        Kill(log, identity);
        var stranger = WalIdentity.None(NullLogger.Instance).OwnerAt(Time.GetUtcNow(), WalOwnerState.Adopted);
        await Store.PutAsync($"wal/{log.Stream}/00000000000000000003", (byte[])[.. WalFormat.FenceMagic, .. stranger]);

        var (second, next) = await StartAsync();
        Assert.NotEqual(log.Stream, second.Stream);
        Assert.Equal([log.Stream], await OrphansOf(second).ListAsync());
        Assert.Equal([TextOf(0), TextOf(1)], (await AdoptAsync(second, log.Stream)).Records);
        await StopAsync(second, next);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_late_put_of_the_dead_process_is_read_or_refused(bool beforeTheFence)
    {
        var (log, identity) = await StartAsync();
        await AppendAsync(log, 0);
        var held = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Views[log].Before = (operation, _) =>
        {
            entered.TrySetResult();
            return operation == "PutIfAbsent" ? held.Task : new TaskCompletionSource().Task;
        };
        var late = log.AppendAsync(Acme, Request(1, Large)).AsTask();
        await entered.Task;
        identity.Dispose();

        // Between the successor's listing and its fence, or once the fence is there.
        var view = Store.View();
        var came = false;
        view.After = async (operation, _) =>
        {
            if (operation != "List" || came || !beforeTheFence)
                return;
            came = true;
            held.SetResult();
            await UntilAsync(() => Store.Names.Contains($"wal/{log.Stream}/00000000000000000002"));
        };
        using var next = WalIdentity.Claim(FileOptions.Path, NullLogger.Instance);
        var second = await ObjectWriteAheadLog.OpenAsync(view, Options, next, Metrics, Time, NullLogger.Instance, null, Lease);
        if (!came)
            held.SetResult();
        await second.AppendAsync(Acme, Request(2, Large));
        Assert.True(came || !late.IsCompletedSuccessfully);
        Assert.Equal(came ? [TextOf(0), TextOf(1)] : [TextOf(0)], (await second.ReplayedAsync()).Records);
        Views.Add(second, view);
        Kill(second, next);

        var (third, last) = await StartAsync();
        Assert.Equal(came ? [TextOf(0), TextOf(1), TextOf(2)] : [TextOf(0), TextOf(2)], (await third.ReplayedAsync()).Records);
        await StopAsync(third, last);
    }

    [Fact]
    public async Task An_object_in_the_place_of_the_next_segment_is_skipped()
    {
        var (log, identity) = await StartAsync();
        await AppendAsync(log, 0);
        Kill(log, identity);
        var (second, next) = await StartAsync();
        await Store.PutAsync($"wal/{log.Stream}/00000000000000000003", Store[$"wal/{log.Stream}/00000000000000000001"]);
        await AppendAsync(second, 1);
        Assert.Equal(5, second.CurrentSegment);
        second.Release(second.CurrentSegment + 1);
        await StopAsync(second, next);
        Assert.Empty(Store.Names);
    }

    [Fact]
    public async Task Unreadable_objects_stay_whatever_is_released()
    {
        var (log, identity) = await StartAsync();
        await AppendAsync(log, 0, 1);
        Kill(log, identity);
        var broken = $"wal/{log.Stream}/00000000000000000001";
        await Store.PutAsync(broken, "not a segment, but long enough to be taken for one if nobody looked"u8.ToArray());

        var (second, next) = await StartAsync();
        Assert.Equal([TextOf(1)], (await second.ReplayedAsync()).Records);
        Assert.Equal(1, Values["tempo_ingester_replay_errors_total{unreadable}"]);
        second.Release(second.CurrentSegment + 1);
        await StopAsync(second, next);
        Assert.Equal([broken, $"wal/{log.Stream}/owner"], Store.Names);
        Assert.Equal(WalOwnerState.Unreadable, WalOwner.Read(Store[$"wal/{log.Stream}/owner"])!.State);
    }

    [Fact]
    public async Task A_copy_of_the_directory_has_no_identity()
    {
        var (log, identity) = await StartAsync();
        await AppendAsync(log, 0);
        var copy = Path.Combine(_folder, "copy");
        Directory.CreateDirectory(copy);
        File.Copy(Path.Combine(FileOptions.Path, "identity.json"), Path.Combine(copy, "identity.json"));

        using var twin = WalIdentity.Claim(copy, NullLogger.Instance);
        Assert.Null(twin.Stream);
        Assert.NotEqual(identity.Id, twin.Id);
        var other = await OpenAsync(null, twin);
        Assert.Empty(await OrphansOf(other).ListAsync());
        await AppendAsync(log, 1);
        await StopAsync(log, identity);
        await other.DisposeAsync();
    }

    [Fact]
    public async Task If_another_process_holds_the_directory_this_one_begins_a_stream_of_its_own_and_logs_it()
    {
        var (log, identity) = await StartAsync();
        var lines = new LogLines();
        using var none = WalIdentity.ClaimOrNone(FileOptions.Path, lines);
        Assert.Equal(
            $"Information: After a crash, this process cannot resume its own write-ahead log stream at once; the stream is adopted after 30 s instead: the write-ahead log in '{FileOptions.Path}' is in use by another process; give each process its own storage.trace.wal.path",
            Assert.Single(lines.Lines));
        await using var other = await OpenAsync(null, none);
        Assert.NotEqual(log.Stream, other.Stream);
        await StopAsync(log, identity);

        File.WriteAllText(Path.Combine(_folder, "file"), "");
        using var nowhere = WalIdentity.ClaimOrNone(Path.Combine(_folder, "file", "wal"), lines);
        Assert.Null(nowhere.Directory);
        Assert.Contains("cannot be opened in", lines.Lines.Last(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("""{"id":"a"}""")]
    public async Task An_unreadable_identity_is_replaced(string content)
    {
        Directory.CreateDirectory(FileOptions.Path);
        File.WriteAllText(Path.Combine(FileOptions.Path, "identity.json"), content);
        var (log, identity) = await StartAsync();
        await AppendAsync(log, 0);
        Kill(log, identity);
        var (second, next) = await StartAsync();
        Assert.Equal((log.Stream, TextOf(0)), (second.Stream, Assert.Single((await second.ReplayedAsync()).Records)));
        await StopAsync(second, next);
    }

    [Fact]
    public async Task A_file_based_log_adopts_its_own_stream_at_once()
    {
        var (log, identity) = await StartAsync();
        await AppendAsync(log, 0, 1);
        Kill(log, identity);

        using (var next = WalIdentity.Claim(FileOptions.Path, NullLogger.Instance))
        {
            await using var files = OpenFiles(next);
            var orphans = OrphansOf(next);
            Assert.Equal([log.Stream], await orphans.ListAsync());
            Assert.Equal(2, (await orphans.AdoptAsync(log.Stream, record => files.AppendAsync(record.Tenant, record.Request), CancellationToken.None))!.Value.Records);
            Assert.Empty(await orphans.ListAsync());
        }

        using var last = WalIdentity.Claim(FileOptions.Path, NullLogger.Instance);
        await using var replayed = OpenFiles(last);
        Assert.Equal([TextOf(0), TextOf(1)], (await replayed.ReplayedAsync()).Records);
    }

    [Fact]
    public async Task An_interrupted_adoption_continues_at_once_with_what_was_left()
    {
        var dead = await OpenAsync("dead");
        await AppendAsync(dead, 0, 1, 2);
        await DieAsync(dead);
        var identity = WalIdentity.Claim(FileOptions.Path, NullLogger.Instance);
        var adopted = new List<string>();
        await Assert.ThrowsAsync<TimeoutException>(() => OrphansOf(identity).AdoptAsync("dead", record =>
        {
            if (adopted.Count == 1)
                throw new TimeoutException();
            adopted.Add(Text(record.Tenant, record.Request.Span));
            return default;
        }, CancellationToken.None));
        Assert.Equal(["dead"], await OrphansOf(identity).ListAsync());
        identity.Dispose();

        using var next = WalIdentity.Claim(FileOptions.Path, NullLogger.Instance);
        Assert.Equal(["dead"], await OrphansOf(next).ListAsync());
        var (log, last) = (await OpenAsync(null, next), next);
        Assert.Equal([TextOf(1), TextOf(2)], (await AdoptAsync(log, "dead")).Records);
        await StopAsync(log, last);
    }

    [Fact]
    public async Task Files_are_handed_over_to_a_log_in_the_object_store_and_deleted_one_by_one()
    {
        var identity = WalIdentity.Claim(FileOptions.Path, NullLogger.Instance);
        await using (var files = OpenFiles(identity))
        {
            for (var i = 0; i < 6; i++)
                await files.AppendAsync(Acme, Request(i, 150));
        }

        identity.Dispose();
        using var next = WalIdentity.Claim(FileOptions.Path, NullLogger.Instance);
        var adopted = new List<string>();
        await Assert.ThrowsAsync<IOException>(() => AdoptFilesAsync(next, record =>
        {
            if (adopted.Count == 4)
                return ValueTask.FromException(new IOException("connection refused"));
            adopted.Add(Text(record.Tenant, record.Request.Span));
            return default;
        }));

        // Two records per file: the first two files are done, the third is unchanged.
        Assert.Equal(Texts(150, 0, 1, 2, 3), adopted);
        adopted.Clear();
        var result = await AdoptFilesAsync(next, record =>
        {
            adopted.Add(Text(record.Tenant, record.Request.Span));
            return default;
        });
        Assert.Equal(Texts(150, 4, 5), adopted);
        Assert.Equal(2, result.Records);
        Assert.Equal(0, Directory.GetFiles(FileOptions.Path, "*.wal").Sum(static f => new FileInfo(f).Length));
        Assert.Equal(default, await AdoptFilesAsync(next, static _ => throw new InvalidOperationException()));
    }

    [Fact]
    public async Task Records_adopted_from_files_share_commits()
    {
        var identity = WalIdentity.Claim(FileOptions.Path, NullLogger.Instance);
        await using (var files = FileWriteAheadLog.Open(identity, FileOptions with { SegmentBytes = 1 << 20 }, Metrics, Time, NullLogger.Instance))
        {
            for (var i = 0; i < 100; i++)
                await files.AppendAsync(Acme, Request(i, 150));
        }

        var before = Values["tempo_ingester_wal_commits_total"];
        var log = await OpenAsync(null, identity, Options with { CommitInterval = TimeSpan.FromMilliseconds(100) });
        var adoption = AdoptFilesAsync(identity, record => log.AppendAsync(record.Tenant, record.Request));
        await Time.PassUntilAsync(adoption, TimeSpan.FromMilliseconds(100));
        Assert.InRange(Values["tempo_ingester_wal_commits_total"] - before, 1, 4);
        await StopAsync(log, identity);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public async Task Whenever_it_is_killed_and_of_whatever_type_its_log_is_the_next_start_finds_all_that_was_acknowledged(int seed)
    {
        var random = new Random(seed);
        var acknowledged = new HashSet<string>();
        var number = 0;
        for (var round = 0; round < 40; round++)
        {
            var identity = WalIdentity.Claim(FileOptions.Path, NullLogger.Instance);
            var view = Store.View();
            var operations = round == 39 ? int.MaxValue : random.Next(1, 30);
            var killed = new TaskCompletionSource();
            var disk = new MortalDisk();
            view.Before = (_, _) => Interlocked.Decrement(ref operations) > 0 ? Task.CompletedTask : Killed();
            view.After = view.Before;
            var inFiles = random.Next(2) == 0;
            var life = Task.Run(() => LiveAsync(view, identity, inFiles ? disk : null));
            await Task.WhenAny(life, killed.Task).WaitAsync(TimeSpan.FromSeconds(30));
            await (Volatile.Read(ref operations) > 0 ? life : killed.Task);
            identity.Dispose();

            Task Killed()
            {
                disk.Die();
                killed.TrySetResult();
                return new TaskCompletionSource().Task;
            }
        }

        Assert.NotEmpty(acknowledged);

        async Task LiveAsync(InMemoryObjectStore view, WalIdentity identity, MortalDisk? disk)
        {
            IWriteAheadLog log = disk is not null
                ? FileWriteAheadLog.Open(identity, null, FileOptions, Metrics, Time, NullLogger.Instance, disk)
                : await ObjectWriteAheadLog.OpenAsync(view, Options with { CommitBytes = 1 }, identity, Metrics, Time, NullLogger.Instance, null, Lease);
            var found = new HashSet<string>((await log.ReplayedAsync()).Records);
            if (disk is null)
                await AdoptFilesAsync(identity, AdoptAsync);
            var orphans = new OrphanedStreams(view, identity, (log as ObjectWriteAheadLog)?.Stream, Metrics, Time, NullLogger.Instance, Lease);
            foreach (var stream in await orphans.ListAsync())
                await orphans.AdoptAsync(stream, AdoptAsync, CancellationToken.None);
            Assert.Empty(acknowledged.Except(found));
            for (var i = 0; i < 3; i++)
            {
                var request = Request(number++, 150);
                await log.AppendAsync(Acme, request);
                acknowledged.Add(Text(Acme, request));
            }

            async ValueTask AdoptAsync(WalRecord record)
            {
                var text = Text(record.Tenant, record.Request.Span);
                await log.AppendAsync(record.Tenant, record.Request);
                lock (found)
                    found.Add(text);
            }
        }
    }

    private static string TextOf(int number) => Text(Acme, Request(number, Large));

    private static string[] Texts(int length, params int[] numbers) => [.. numbers.Select(n => Text(Acme, Request(n, length)))];

    private static async Task AppendAsync(ObjectWriteAheadLog log, params int[] numbers)
    {
        foreach (var number in numbers)
            await log.AppendAsync(Acme, Request(number, Large));
    }

    private async Task<(ObjectWriteAheadLog Log, WalIdentity Identity)> StartAsync()
    {
        var identity = WalIdentity.Claim(FileOptions.Path, NullLogger.Instance);
        return (await OpenAsync(null, identity), identity);
    }

    private static async Task StopAsync(ObjectWriteAheadLog log, WalIdentity identity)
    {
        await log.DisposeAsync();
        identity.Dispose();
    }

    // None of its requests to the store ever returns, and the operating system releases its lock.
    private void Kill(ObjectWriteAheadLog log, WalIdentity identity)
    {
        Views[log].Before = static (_, _) => new TaskCompletionSource().Task;
        identity.Dispose();
    }

    private FileWriteAheadLog OpenFiles(WalIdentity identity) => FileWriteAheadLog.Open(identity, FileOptions, Metrics, Time, NullLogger.Instance);

    private OrphanedStreams OrphansOf(WalIdentity identity) => new(Store, identity, null, Metrics, Time, NullLogger.Instance, Lease);

    private Task<ReplayResult> AdoptFilesAsync(WalIdentity identity, Func<WalRecord, ValueTask> adopt) =>
        LeftoverLogFiles.AdoptAsync(identity, FileOptions, adopt, Metrics, Time, NullLogger.Instance, CancellationToken.None);

    /// <summary>The disk of a process that is killed at some moment: it writes nothing from then on.</summary>
    private sealed class MortalDisk : WalDisk
    {
        private readonly Lock _gate = new();
        private bool _isDead;

        public void Die()
        {
            lock (_gate)
                _isDead = true;
        }

        public override SafeFileHandle Create(string path)
        {
            lock (_gate)
            {
                ThrowIfDead();
                return base.Create(path);
            }
        }

        public override void Write(SafeFileHandle file, IReadOnlyList<ReadOnlyMemory<byte>> parts, long offset)
        {
            lock (_gate)
            {
                ThrowIfDead();
                base.Write(file, parts, offset);
            }
        }

        public override void SetLength(SafeFileHandle file, long length)
        {
            lock (_gate)
            {
                ThrowIfDead();
                base.SetLength(file, length);
            }
        }

        private void ThrowIfDead()
        {
            if (_isDead)
                throw new IOException("the process is dead");
        }
    }
}
