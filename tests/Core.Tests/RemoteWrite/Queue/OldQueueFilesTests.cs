using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Core.Objects;
using OrleansTempo.Core.RemoteWrite.Endpoint;
using OrleansTempo.Core.RemoteWrite.Queue;
using OrleansTempo.Core.Tests.Objects;

namespace OrleansTempo.Core.Tests.RemoteWrite.Queue;

public sealed class OldQueueFilesTests : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("old-queue").FullName;
    private readonly ManualTimeProvider _clock = new();
    private readonly LogLines _log = new();
    private readonly InMemoryObjectStore _store;
    private readonly IReadOnlyList<RemoteWriteEndpoint> _endpoints;
    private readonly string _endpoint;

    public OldQueueFilesTests()
    {
        _store = new InMemoryObjectStore(_clock);
        _endpoints = RemoteWriteEndpoint.CreateAll(new() { RemoteWrite = [new() { Url = "http://one/push", Name = "prod" }] }, _clock);
        _endpoint = RemoteWriteStore.EndpointFolders(_endpoints)[_endpoints[0]];
    }

    private string Root => Path.Combine(_path, "remote-write");

    private string[] Files => [.. Directory.GetFiles(_path, "*.rw", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    public void Dispose() => Directory.Delete(_path, recursive: true);

    [Fact]
    public void The_folder_of_an_endpoint_keeps_its_name() => Assert.Equal("prod-210c80a34895faed", _endpoint);

    [Fact]
    public async Task Files_come_first_in_order_without_finished_requests_and_their_folders_are_deleted()
    {
        await Queue("acme", epoch: 5).PutAsync(CollectionOf.Services(7, "x"), 7000);
        File(1, "acme", [0, 2], "a", "b", "c");
        File(2, "acme", [], "d");
        File(12, "acme", [0], "done");
        File(1, "Other.Tenant", [], "e");

        Assert.Equal(["Other.Tenant", "acme"], await ImportAsync());
        Assert.Equal(["b=1", "d=2", "x=7"], await WaitingAsync("acme"));
        Assert.Equal(["e=1"], await WaitingAsync("Other.Tenant"));
        Assert.Equal(["lock"], Directory.GetFileSystemEntries(Root).Select(Path.GetFileName));
        Assert.Equal([$"Information: Moved 3 waiting collections from {Root} into the object store"], _log.Lines);
    }

    [Fact]
    public async Task Wherever_an_import_is_interrupted_the_next_continues_and_nothing_is_lost_or_duplicated()
    {
        string[] expected = ["a=1", "b=2", "c=3"];
        for (var calls = 0; ; calls++)
        {
            foreach (var name in _store.Names)
                await _store.DeleteAsync(name);
            for (var i = 0; i < 3; i++)
                File(i + 1, "acme", [], expected[i][..1]);
            var left = calls;
            var dying = _store.View();
            dying.Before = (_, _) => left-- > 0 ? Task.CompletedTask : throw new DiedException();
            dying.After = (_, _) => left > 0 ? Task.CompletedTask : throw new DiedException();
            var isThrough = false;
            try
            {
                await OldQueueFiles.ImportAsync(_path, _endpoints, dying, _clock, NullLogger.Instance);
                isThrough = true;
            }
            catch (DiedException)
            {
            }

            Assert.Equal(["acme"], await ImportAsync());
            Assert.Equal(expected, await WaitingAsync("acme"));
            Assert.Empty(Files);
            if (isThrough)
                break;
        }
    }

    [Fact]
    public async Task A_file_that_could_not_be_deleted_after_it_was_moved_is_not_moved_again()
    {
        File(1, "acme", [], "a");
        var before = Files[0];
        var bytes = System.IO.File.ReadAllBytes(before);
        await ImportAsync();
        Directory.CreateDirectory(Path.GetDirectoryName(before)!);
        System.IO.File.WriteAllBytes(before, bytes);
        File(2, "acme", [], "b");

        await ImportAsync();
        Assert.Equal(["a=1", "b=2"], await WaitingAsync("acme"));
        Assert.Empty(Files);
    }

    [Fact]
    public async Task If_the_store_fails_the_files_stay_for_the_next_start_and_this_is_logged()
    {
        File(1, "acme", [], "a");
        File(2, "acme", [], "b");
        var puts = 0;
        _store.Before = (operation, _) => operation == "PutIfAbsent" && ++puts == 2 ? throw new IOException("no room") : Task.CompletedTask;

        Assert.Equal(["acme"], await ImportAsync());
        Assert.EndsWith("00000000000000000002-1780000002000-1.rw", Assert.Single(Files));
        Assert.Contains($"Error: The collections that wait in {Root} cannot be moved into the object store; they stay there until the next start: no room", _log.Lines);

        Assert.Equal(["acme"], await ImportAsync());
        Assert.Equal(["a=1", "b=2"], await WaitingAsync("acme"));
    }

    [Fact]
    public async Task A_corrupt_file_costs_only_itself_and_is_logged()
    {
        File(1, "acme", [], "a", "b");
        File(2, "acme", [], "c");
        File(3, "acme", [], "d");
        var bytes = System.IO.File.ReadAllBytes(Files[0]);
        bytes[^1] ^= 1;
        System.IO.File.WriteAllBytes(Files[0], bytes);
        System.IO.File.WriteAllBytes(Files[1], []);
        string[] damaged = [Files[0], Files[1]];

        Assert.Equal(["acme"], await ImportAsync());
        Assert.Equal(["a=1", "d=3"], await WaitingAsync("acme"));
        Assert.Equal(damaged.Select(path => $"Error: Lost 1 samples in {path}: the file is damaged, and they cannot be read"), _log.Lines.Where(l => l.StartsWith("Error", StringComparison.Ordinal)));
        Assert.Empty(Files);
    }

    [Fact]
    public async Task Files_for_an_endpoint_no_longer_configured_are_kept_for_seven_days_and_wake_no_tenant()
    {
        File(1, "acme", [], "a");
        IReadOnlyList<RemoteWriteEndpoint> other = RemoteWriteEndpoint.CreateAll(new() { RemoteWrite = [new() { Url = "http://two/push" }] }, _clock);
        _clock.Advance(TimeSpan.FromDays(7));
        File(2, "beta", [], "b");
        _clock.Advance(TimeSpan.FromSeconds(1.5));

        Assert.Empty(await OldQueueFiles.ImportAsync(_path, other, _store, _clock, _log));
        Assert.Empty(await WaitingAsync("acme"));
        Assert.Equal(["b=2"], await WaitingAsync("beta"));
        Assert.Contains($"Warning: Deleted 1 collections in {Root}: their remote write endpoints are no longer configured, and they are older than 7 days", _log.Lines);
    }

    [Fact]
    public async Task Only_tenants_with_something_waiting_are_returned()
    {
        var queue = Queue("acme", epoch: 3);
        var stored = await queue.PutAsync(CollectionOf.Services(1, "a"), 1000);
        Assert.Equal(["acme"], await ImportAsync());

        await queue.RemoveAsync(stored!);
        Assert.Single(_store.Names);
        Assert.Empty(await ImportAsync());
        Assert.Empty(Directory.GetFileSystemEntries(_path));
    }

    [Fact]
    public async Task A_directory_that_another_process_uses_is_refused()
    {
        File(1, "acme", [], "a");
        using (DirectoryLock.TryAcquire(Root))
        {
            var error = await Assert.ThrowsAnyAsync<IOException>(ImportAsync);
            Assert.StartsWith("another process is using the old remote write queue in '", error.Message, StringComparison.Ordinal);
            Assert.EndsWith("'; stop it first, or give each process its own metrics_generator.storage.path", error.Message, StringComparison.Ordinal);
        }

        Assert.Equal(["acme"], await ImportAsync());
    }

    [Fact]
    public async Task Other_files_are_left_alone()
    {
        File(1, "acme", [], "a");
        var directory = Path.GetDirectoryName(Files[0])!;
        string[] others = ["readme.txt", "1-1000-23.rw", "00000000000000000002-1000.rw", "00000000000000000002-+1-1.rw", "00000000000000000002-1000-1.rw.bak"];
        foreach (var name in others)
            System.IO.File.WriteAllText(Path.Combine(directory, name), "");

        await ImportAsync();
        Assert.Equal(["a=1"], await WaitingAsync("acme"));
        Assert.Equal(others.Order(StringComparer.Ordinal), Directory.GetFiles(directory).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    private static TenantId Tenant(string text) => TenantId.TryParse(text, out var tenant, out var error) ? tenant : throw new ArgumentException(error);

    private void File(int number, string tenant, int[] done, params string[] services) =>
        OldQueueFile.Write(Path.Combine(Root, TenantFolder.Of(Tenant(tenant)), _endpoint), number, CollectionOf.StartMs + (number * 1000L), CollectionOf.Services(number, services), done);

    private StoredQueue Queue(string tenant, long epoch) => new RemoteWriteStore(_store, Tenant(tenant), "all", epoch, fence: false).Open(_endpoint, null);

    private async Task<string[]> ImportAsync() =>
        [.. (await OldQueueFiles.ImportAsync(_path, _endpoints, _store, _clock, _log)).Select(static t => t.Value).Order(StringComparer.Ordinal)];

    // In the order in which they would be sent.
    private async Task<string[]> WaitingAsync(string tenant)
    {
        var queue = Queue(tenant, epoch: 9);
        var texts = new List<string>();
        foreach (var stored in (await queue.ResumeAsync(CancellationToken.None))!)
        {
            var there = await queue.GetAsync(stored, CancellationToken.None);
            texts.AddRange(CollectionFormat.Read(there!.Value.Content).Requests.Select(static r => CollectionOf.Text(r)));
        }

        return [.. texts];
    }

    private sealed class DiedException : Exception;
}
