using OrleansTempo.Core.Configuration.RemoteWrite;
using OrleansTempo.Core.RemoteWrite.Endpoint;
using OrleansTempo.Core.RemoteWrite.Queue;
using OrleansTempo.Core.Tests.Objects;

namespace OrleansTempo.Core.Tests.RemoteWrite.Queue;

/// <summary>Which folder is whose, and what becomes of those that are nobody's any more.</summary>
public sealed class RemoteWriteStoreTests
{
    private readonly ManualTimeProvider _clock = new();
    private readonly LogLines _log = new();
    private readonly InMemoryObjectStore _store;

    public RemoteWriteStoreTests() => _store = new InMemoryObjectStore(_clock);

    [Fact]
    public async Task An_endpoint_finds_its_collections_whatever_its_position_and_password()
    {
        await PutAsync(new RemoteWriteOptions { Url = "http://user:old@one/push" }, "acme");
        var named = new RemoteWriteOptions { Url = "http://two/push", Name = "Two" };
        await PutAsync(named, "acme", "Other.Tenant");

        var endpoints = Endpoints(new() { Url = "http://three/push" }, named, new() { Url = "http://user:new@one/push" });

        Assert.Equal("0, 1, 1", await FoundAsync("acme", endpoints));
        Assert.Equal("0, 1, 0", await FoundAsync("Other.Tenant", endpoints));
        await SweepAsync("acme", endpoints);
        Assert.Empty(_log.Lines);
    }

    [Fact]
    public async Task Collections_of_an_endpoint_with_another_url_or_name_are_not_used_and_are_deleted_after_seven_days()
    {
        await PutAsync(new RemoteWriteOptions { Url = "http://old/push", Name = "prod" }, "acme", "beta");
        var endpoints = Endpoints(new() { Url = "http://new/push", Name = "prod" }, new() { Url = "http://old/push" }, new() { Url = "http://old/push", Name = "test" });

        _clock.Advance(TimeSpan.FromDays(7));
        Assert.Equal("0, 0, 0", await FoundAsync("acme", endpoints));
        await SweepAsync("acme", endpoints);
        Assert.Matches("^Warning: Found 1 collections of tenant acme, [0-9]+ bytes, in remote-write/acme/all/prod-[0-9a-f]{16} for a remote write endpoint that is no longer configured under this name and URL; they are kept for 7 days$", Assert.Single(_log.Lines));
        Assert.Equal(2, _store.Names.Count);

        _clock.Advance(TimeSpan.FromSeconds(2));
        await SweepAsync("acme", endpoints);
        Assert.Matches("^Warning: Deleted 1 collections of tenant acme, [0-9]+ bytes, in .*prod-[0-9a-f]{16}: .* not been configured for 7 days$", _log.Lines[^1]);
        Assert.StartsWith("remote-write/beta/", Assert.Single(_store.Names));
    }

    [Fact]
    public async Task Two_endpoints_with_the_same_url_have_separate_queues()
    {
        var endpoints = Endpoints(new() { Url = "http://one/push" }, new() { Url = "http://one/push" });
        await Queue("acme", endpoints, 1).PutAsync(CollectionOf.Services(1, "a"), 1000);

        Assert.Equal("0, 1", await FoundAsync("acme", endpoints));
    }

    [Fact]
    public async Task Shards_have_separate_queues()
    {
        var endpoints = Endpoints(new RemoteWriteOptions { Url = "http://one/push" });
        await Queue("acme", endpoints, 0, "0-of-2").PutAsync(CollectionOf.Services(1, "a"), 1000);

        Assert.Equal("0", await FoundAsync("acme", endpoints));
        Assert.Equal("1", await FoundAsync("acme", endpoints, "0-of-2"));
    }

    [Fact]
    public void A_shard_that_could_leave_its_folder_and_an_epoch_that_no_claim_has_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new RemoteWriteStore(_store, TenantId.Single, "..", 1, fence: false));
        Assert.Throws<ArgumentException>(() => new RemoteWriteStore(_store, TenantId.Single, "a/b", 1, fence: false));
        Assert.Throws<ArgumentOutOfRangeException>(() => new RemoteWriteStore(_store, TenantId.Single, "all", 0, fence: false));
    }

    private static TenantId Tenant(string text) => TenantId.TryParse(text, out var tenant, out var error) ? tenant : throw new ArgumentException(error);

    private IReadOnlyList<RemoteWriteEndpoint> Endpoints(params RemoteWriteOptions[] options) => RemoteWriteEndpoint.CreateAll(new() { RemoteWrite = options }, _clock);

    private RemoteWriteStore Owned(string tenant, string shard = "all", long epoch = 1) => new(_store, Tenant(tenant), shard, epoch, fence: false);

    private StoredQueue Queue(string tenant, IReadOnlyList<RemoteWriteEndpoint> endpoints, int which, string shard = "all", long epoch = 1) =>
        Owned(tenant, shard, epoch).Open(RemoteWriteStore.EndpointFolders(endpoints)[endpoints[which]], null);

    // How many collections each endpoint finds.
    private async Task<string> FoundAsync(string tenant, IReadOnlyList<RemoteWriteEndpoint> endpoints, string shard = "all") =>
        string.Join(", ", (await Task.WhenAll(endpoints.Select((_, i) => Queue(tenant, endpoints, i, shard, epoch: 2).ResumeAsync(CancellationToken.None)))).Select(static found => found!.Count));

    private Task SweepAsync(string tenant, IReadOnlyList<RemoteWriteEndpoint> endpoints) =>
        Owned(tenant).SweepAsync([.. RemoteWriteStore.EndpointFolders(endpoints).Values], _clock.GetUtcNow(), _log, CancellationToken.None);

    // One collection for each tenant, one second after the clock's start.
    private async Task PutAsync(RemoteWriteOptions options, params string[] tenants)
    {
        foreach (var tenant in tenants)
            await Queue(tenant, Endpoints(options), 0).PutAsync(CollectionOf.Services(1, "a"), CollectionOf.StartMs + 1000);
    }
}
