using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.RemoteWrite;

namespace OrleansTempo.Core.Tests.RemoteWrite;

public sealed class RemoteWriteDiskTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("remote-write-disk").FullName;
    private readonly ManualTimeProvider _clock = new();
    private readonly LogLines _log = new();

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void What_was_written_for_an_endpoint_is_found_by_it_wherever_it_stands_in_the_list_and_whatever_its_password_is()
    {
        Write(new RemoteWriteOptions { Url = "http://user:old@one/push" }, "acme");
        var named = new RemoteWriteOptions { Url = "http://two/push", Name = "Two" };
        Write(named, "acme", "Other.Tenant");

        var endpoints = Endpoints(new() { Url = "http://three/push" }, named, new() { Url = "http://user:new@one/push" });
        using var disk = Open(endpoints)!;

        Assert.Equal(["Other.Tenant", "acme"], disk.Waiting.Select(t => t.Value).Order(StringComparer.Ordinal));
        Assert.Equal([0, 1, 1], endpoints.Select(e => disk.Folder(Tenant("acme"), e).List().Count));
        Assert.Equal([0, 1, 0], endpoints.Select(e => disk.Folder(Tenant("Other.Tenant"), e).List().Count));
        Assert.Empty(_log.Lines);
    }

    [Fact]
    public void What_was_written_for_an_endpoint_is_nothing_to_one_with_another_url_or_name_and_is_deleted_after_seven_days()
    {
        Write(new RemoteWriteOptions { Url = "http://old/push", Name = "prod" }, "acme", "beta");
        var endpoints = Endpoints(new() { Url = "http://new/push", Name = "prod" }, new() { Url = "http://old/push" }, new() { Url = "http://old/push", Name = "test" });

        _clock.Advance(TimeSpan.FromDays(7));
        using (var disk = Open(endpoints)!)
        {
            Assert.Empty(disk.Waiting);
            Assert.All(endpoints, e => Assert.Empty(disk.Folder(Tenant("acme"), e).List()));
        }

        Assert.Matches("^Warning: 2 collections, [0-9]+ bytes, in .*prod-[0-9a-f]{16} are for a remote write endpoint that is not configured any more, .* kept for 7 days$", Assert.Single(_log.Lines));
        Assert.Equal(2, Files);

        _clock.Advance(TimeSpan.FromSeconds(2));
        Open(endpoints)!.Dispose();
        Assert.Matches("^Warning: 2 collections, [0-9]+ bytes, in .*prod-[0-9a-f]{16} were for .* deleted after 7 days$", _log.Lines[^1]);
        Assert.Equal(0, Files);
        Assert.Empty(Directory.GetDirectories(Path.Combine(_root, "remote-write")));
    }

    [Fact]
    public void Two_endpoints_with_one_url_keep_apart_what_waits_for_them()
    {
        var endpoints = Endpoints(new() { Url = "http://one/push" }, new() { Url = "http://one/push" });
        using var disk = Open(endpoints)!;
        disk.Folder(TenantId.Single, endpoints[1]).Write(CollectionOf.Services(1, "a"), 1000);

        Assert.Equal([0, 1], endpoints.Select(e => disk.Folder(TenantId.Single, e).List().Count));
    }

    [Fact]
    public void A_second_process_is_refused_as_long_as_the_first_one_lives()
    {
        var endpoints = Endpoints(new RemoteWriteOptions { Url = "http://one/push" });
        using (Open(endpoints))
        {
            var error = Assert.Throws<IOException>(() => Open(endpoints));
            Assert.EndsWith("is in use by another process; give each process its own metrics_generator.storage.path", error.Message);
        }

        Open(endpoints)!.Dispose();
    }

    [Fact]
    public void A_directory_that_cannot_be_made_is_an_error_in_the_log_and_no_disk()
    {
        File.WriteAllText(Path.Combine(_root, "remote-write"), "a file");

        Assert.Null(Open(Endpoints(new RemoteWriteOptions { Url = "http://one/push" })));

        Assert.Matches("^Error: The remote write queue cannot be opened in '.*remote-write': .*; what waits stays in memory until the process is started again$", Assert.Single(_log.Lines));
    }

    private int Files => Directory.GetFiles(_root, "*.rw", SearchOption.AllDirectories).Length;

    private static TenantId Tenant(string text) => TenantId.TryParse(text, out var tenant, out var error) ? tenant : throw new ArgumentException(error);

    private IReadOnlyList<RemoteWriteEndpoint> Endpoints(params RemoteWriteOptions[] options) => RemoteWriteEndpoint.CreateAll(new() { RemoteWrite = options }, _clock);

    private RemoteWriteDisk? Open(IReadOnlyList<RemoteWriteEndpoint> endpoints) => RemoteWriteDisk.Open(_root, endpoints, _clock, _log);

    // One collection for each tenant, one second after the clock's start.
    private void Write(RemoteWriteOptions options, params string[] tenants)
    {
        var endpoints = Endpoints(options);
        using var disk = RemoteWriteDisk.Open(_root, endpoints, _clock, NullLogger.Instance)!;
        foreach (var tenant in tenants)
            disk.Folder(Tenant(tenant), endpoints[0]).Write(CollectionOf.Services(1, "a"), CollectionOf.StartMs + 1000);
    }
}
