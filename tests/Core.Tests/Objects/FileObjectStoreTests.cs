using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Core.Objects;
using OrleansTempo.Core.Tests.RemoteWrite;
using OrleansTempo.Core.Tests.RemoteWrite.Queue;

namespace OrleansTempo.Core.Tests.Objects;

public sealed class FileObjectStoreTests : ObjectStoreContract, IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("objects").FullName;
    private readonly FileObjectStore _store;
    private readonly FileObjectStore _other;

    public FileObjectStoreTests()
    {
        _store = Open();
        _other = Open();
    }

    protected override IObjectStore Store => _store;

    protected override IObjectStore Other => _other;

    private string Temporary => Path.Combine(_root, "~tmp");

    public void Dispose()
    {
        _store.Dispose();
        _other.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    [Fact]
    public async Task An_object_is_a_file_of_its_name()
    {
        await Store.PutAsync("blocks/team-a/meta.json", Bytes("{}"));

        Assert.Equal("{}", await File.ReadAllTextAsync(Path.Combine(_root, "blocks", "team-a", "meta.json")));
        Assert.Empty(Directory.EnumerateFiles(Temporary));
    }

    [Fact]
    public async Task Folders_are_removed_with_their_last_object()
    {
        await Store.PutAsync("blocks/a/1/data", Bytes("one"));
        await Store.PutAsync("blocks/b/1/data", Bytes("two"));

        await Store.DeleteAsync("blocks/a/1/data");
        Assert.False(Directory.Exists(Path.Combine(_root, "blocks", "a")));
        await Store.DeleteAsync("blocks/b/1/data");
        Assert.Equal(["~locks", "~tmp"], Directory.EnumerateFileSystemEntries(_root).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_folder_that_is_removed_while_it_is_created_is_created_again()
    {
        var temporary = Path.Combine(Temporary, "d");
        await File.WriteAllTextAsync(temporary, "");

        // What Directory.CreateDirectory and File.Move throw then on Linux.
        var failures = new Queue<IOException>([new("The file 'a' already exists.", 17), new DirectoryNotFoundException(), new FileNotFoundException()]);
        Assert.True(FileObjectStore.Place(temporary, "a/c", (_, _) => !failures.TryDequeue(out var failure) ? true : throw failure));
        Assert.Empty(failures);
        Assert.Throws<IOException>(() => FileObjectStore.Place(temporary, "a/c", static (_, _) => throw new IOException("No space left on device", 28)));
    }

    [Fact]
    public async Task An_unmounted_volume_is_an_error_and_not_an_empty_store()
    {
        await Store.PutAsync("blocks/a/1/data", Bytes("one"));
        Directory.Delete(_root, recursive: true);
        Directory.CreateDirectory(_root);

        await Assert.ThrowsAsync<IOException>(() => Store.GetAsync("blocks/a/1/data"));
        await Assert.ThrowsAsync<IOException>(async () => await Store.ReadAsync("blocks/a/1/data", 0, new byte[3]));
        await Assert.ThrowsAsync<IOException>(() => Store.ListFoldersAsync("blocks/"));
        var error = await Assert.ThrowsAsync<IOException>(async () =>
        {
            await foreach (var found in Store.ListAsync("blocks/"))
                Assert.Fail(found.Name);
        });
        Assert.Contains($"'{_root}'", error.Message);
        Assert.Contains("mounted", error.Message);
    }

    [Fact]
    public async Task A_write_that_fails_says_what_and_why_and_leaves_nothing()
    {
        await Store.PutAsync("a", Bytes("in the way"));

        await Fails(() => Store.PutAsync("a/b", Bytes("x")), "cannot write 'a/b'", Path.Combine(_root, "a", "b"));
        await Fails(() => Store.PutIfAbsentAsync("a/b", Bytes("x")), "cannot write 'a/b'", Path.Combine(_root, "a", "b"));
        await Fails(
            async () =>
            {
                await using var writer = await Store.CreateAsync("a/b");
                await writer.WriteAsync(Bytes("x"));
                await writer.CompleteAsync();
            },
            "cannot write 'a/b'",
            Path.Combine(_root, "a", "b"));

        Assert.Empty(Directory.EnumerateFiles(Temporary));
        Assert.Equal(["a 10"], await ListAsync(Store, ""));
    }

    [Fact]
    public async Task An_object_cannot_take_the_place_of_a_folder()
    {
        await Store.PutAsync("a/b", Bytes("x"));

        await Fails(() => Store.PutAsync("a", Bytes("x")), "cannot write 'a'", Path.Combine(_root, "a"));
        await Fails(() => Store.PutIfAbsentAsync("a", Bytes("x")), "cannot write 'a'", "a folder of that name exists");
        Assert.Equal(["a/b 1"], await ListAsync(Store, ""));
    }

    [Fact]
    public async Task A_failed_write_to_a_temporary_file_is_also_an_io_error()
    {
        Directory.Delete(Temporary);

        await Fails(() => Store.PutAsync("a", Bytes("x")), "cannot write 'a'", Temporary);
        await Fails(() => Store.CreateAsync("a"), "cannot create 'a'", Temporary);
    }

    [Fact]
    public void A_root_that_cannot_be_created_is_named()
    {
        var file = Path.Combine(_root, "file");
        File.WriteAllText(file, "");

        var error = Assert.Throws<IOException>(() => new FileObjectStore(Path.Combine(file, "store"), TimeProvider.System, NullLogger.Instance));
        Assert.Contains($"the object store's directory '{Path.Combine(file, "store")}' cannot be used: ", error.Message);
    }

    [Fact]
    public void Leftovers_of_dead_processes_are_deleted_after_an_hour()
    {
        var old = Leftover("old", TimeSpan.FromMinutes(61));
        var young = Leftover("young", TimeSpan.FromMinutes(59));
        var inUse = Leftover("in-use", TimeSpan.FromMinutes(61));
        var log = new LogLines();

        using (File.OpenHandle(inUse, FileMode.Open, FileAccess.Write, FileShare.None))
        {
            File.SetLastWriteTimeUtc(inUse, DateTime.UtcNow - TimeSpan.FromMinutes(61));
            new FileObjectStore(_root, TimeProvider.System, log).Dispose();
        }

        Assert.False(File.Exists(old));
        Assert.True(File.Exists(young));
        Assert.True(File.Exists(inUse));
        Assert.Contains(log.Lines, line => line.StartsWith($"Information: Deleted {old}, ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Files_that_are_not_objects_are_not_listed()
    {
        await Store.PutAsync("blocks/a/1/data", Bytes("x"));
        Directory.CreateDirectory(Path.Combine(_root, "lost+found", "x"));
        await File.WriteAllTextAsync(Path.Combine(_root, "lost+found", "x", "y"), "");
        Directory.CreateDirectory(Path.Combine(_root, "blocks", "b"));
        await File.WriteAllTextAsync(Path.Combine(_root, "blocks", "b", ".nfs000000000001"), "");

        Assert.Equal(["blocks/a/1/data 1"], await ListAsync(Store, ""));
        Assert.Equal(["a"], await Store.ListFoldersAsync("blocks/"));
    }

    [Fact]
    public async Task Data_is_read_through_a_file_kept_open_for_some_minutes()
    {
        var time = new ManualTimeProvider();
        using var store = new FileObjectStore(_root, time, NullLogger.Instance);
        await store.PutAsync("blocks/a/data", Bytes("one"));
        Assert.Equal(3, await store.ReadAsync("blocks/a/data", 0, new byte[3]));

        // Behind the store's back, as another machine would do it: an open file is still read, but for no longer than it may take up space.
        await Other.DeleteAsync("blocks/a/data");
        Assert.Equal(3, await store.ReadAsync("blocks/a/data", 0, new byte[3]));

        await time.PassAsync(OpenObjectCache.MaxAge);
        Assert.Equal(-1, await store.ReadAsync("blocks/a/data", 0, new byte[3]));
    }

    [Fact]
    public async Task A_reader_waits_for_no_lock()
    {
        await Store.PutAsync("a", Bytes("one"));
        var locks = Enumerable.Range(0, 256)
            .Select(i => new FileStream(Path.Combine(_root, "~locks", i.ToString("x2")), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None))
            .ToArray();
        var write = Store.PutAsync("a", Bytes("two"));

        Assert.Equal("one", (await GetAsync(Store, "a"))!.Value.Text);
        Assert.False(write.IsCompleted);

        foreach (var one in locks)
            await one.DisposeAsync();
        await write;
        Assert.Equal("two", (await GetAsync(Store, "a"))!.Value.Text);
    }

    [Fact]
    public async Task A_write_waits_for_another_process_s_lock_until_it_is_cancelled()
    {
        await Store.PutAsync("a", Bytes("one"));
        var lockFile = Assert.Single(Directory.EnumerateFiles(Path.Combine(_root, "~locks")));
        using var cancel = new CancellationTokenSource();
        using (new FileStream(lockFile, FileMode.Open, FileAccess.ReadWrite, FileShare.None))
        {
            var write = Store.PutIfMatchAsync("a", Bytes("two"), "etag", cancel.Token);
            cancel.Cancel();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => write);
        }

        Assert.Empty(Directory.EnumerateFiles(Temporary));
        await Store.PutAsync("a", Bytes("three"));
    }

    [Theory]
    [InlineData(true, true, false)]
    [InlineData(true, false, false)]
    [InlineData(false, true, false)]
    [InlineData(false, false, true)]
    public async Task A_process_that_runs_alone_locks_the_directory_and_members_of_a_cluster_share_it(bool isFirstAlone, bool isSecondAlone, bool isTaken)
    {
        using (var first = Open(isFirstAlone))
        {
            await first.PutAsync("a", Bytes("one"));
            if (isTaken)
            {
                using var second = Open(isSecondAlone);
                Assert.Equal(["a 3"], await ListAsync(second, ""));
            }
            else
            {
                var error = Assert.Throws<IOException>(() => Open(isSecondAlone));
                Assert.Equal(
                    isSecondAlone
                        ? $"the object store's directory '{_root}' is in use by another process, and this one runs alone; stop the other one, give each its own storage.trace.local.path, or join them into one cluster with Orleans:Clustering"
                        : $"the object store's directory '{_root}' is in use by a process that runs alone; stop that process, give each its own storage.trace.local.path, or configure Orleans:Clustering there too",
                    error.Message);
            }
        }

        using var next = Open(isSecondAlone);
        Assert.Equal(["a 3"], await ListAsync(next, ""));
        Assert.Empty(await next.ListFoldersAsync(""));
    }

    private FileObjectStore Open(bool isAlone) => FileObjectStore.Open(_root, isAlone, "storage.trace.local.path", TimeProvider.System, NullLogger.Instance);

    private FileObjectStore Open() => new(_root, TimeProvider.System, NullLogger.Instance);

    private string Leftover(string name, TimeSpan age)
    {
        var path = Path.Combine(Temporary, name);
        File.WriteAllText(path, "half");
        File.SetLastWriteTimeUtc(path, DateTime.UtcNow - age);
        return path;
    }

    private static async Task Fails(Func<Task> act, params string[] parts)
    {
        var error = await Assert.ThrowsAsync<IOException>(act);
        foreach (var part in parts)
            Assert.Contains(part, error.Message);
    }
}
