using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Orleans.Storage;
using OrleansTempo.Cluster.Harness;
using OrleansTempo.Core.Objects;

namespace OrleansTempo.Cluster.Providers;

public sealed class ObjectStoreGrainStorageTests : IDisposable
{
    private static readonly GrainId s_grain = GrainId.Create("generator", "Team A/0");

    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task Grain_state_is_shared_and_a_stale_writer_is_refused()
    {
        // Each has a store of its own, as silos on two machines do.
        await using var first = await StartAsync();
        await using var second = await StartAsync();
        await GrainStorageContract.HoldsAsync(first.Storage("Default"), second.Storage("Default"));
        await GrainStorageContract.OneOfManyWinsAsync(first.Storage("Default"), second.Storage("Default"));
        await GrainStorageContract.OrphansAreOverwrittenAsync(first.Storage("Default"), second.Storage("Default"));
    }

    [Fact]
    public async Task State_survives_the_silo_until_it_is_cleared()
    {
        var written = new GrainState<StoredState>(new StoredState { Number = 7, Bytes = [1, 2, 3] });
        await using (var silo = await StartAsync())
            await silo.Storage("Default").WriteStateAsync("snapshot", s_grain, written);
        Assert.Equal(["grains/snapshot/generator%2f%54eam%20%41%2f0"], await NamesAsync());

        await using var next = await StartAsync();
        var read = new GrainState<StoredState>();
        await next.Storage("Default").ReadStateAsync("snapshot", s_grain, read);
        Assert.Equal(7, read.State!.Number);
        Assert.Equal([1, 2, 3], read.State.Bytes);
        Assert.Equal(written.ETag, read.ETag);

        await next.Storage("Default").ClearStateAsync("snapshot", s_grain, read);
        Assert.Null(read.ETag);
        Assert.Empty(await NamesAsync());
    }

    [Fact]
    public async Task State_that_was_being_cleared_when_its_silo_was_killed_is_empty_and_can_be_written()
    {
        await using var silo = await StartAsync();
        await Store().PutAsync("grains/snapshot/generator%2f%54eam%20%41%2f0", ReadOnlyMemory<byte>.Empty);

        var state = new GrainState<StoredState>();
        await silo.Storage("Default").ReadStateAsync("snapshot", s_grain, state);
        Assert.False(state.RecordExists);
        Assert.Equal(0, state.State!.Number);
        state.State.Number = 5;
        await silo.Storage("Default").WriteStateAsync("snapshot", s_grain, state);
        await silo.Storage("Default").ReadStateAsync("snapshot", s_grain, state);
        Assert.Equal(5, state.State.Number);
    }

    [Fact]
    public async Task Missing_state_can_be_cleared_but_unread_state_cannot()
    {
        await using var silo = await StartAsync();
        var storage = silo.Storage("Default");
        var unread = new GrainState<StoredState>();
        await storage.ClearStateAsync("snapshot", s_grain, unread);
        Assert.False(unread.RecordExists);

        await storage.WriteStateAsync("snapshot", s_grain, new GrainState<StoredState>(new StoredState { Number = 7 }));
        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.ClearStateAsync("snapshot", s_grain, unread));
    }

    [Fact]
    public async Task A_grain_ID_too_long_for_a_file_name_is_stored_under_its_hash()
    {
        await using var silo = await StartAsync();
        foreach (var end in new[] { 'a', 'b' })
        {
            await silo.Storage("Default").WriteStateAsync(
                "snapshot", Long(end), new GrainState<StoredState>(new StoredState { Number = end }));
        }

        foreach (var end in new[] { 'a', 'b' })
        {
            var read = new GrainState<StoredState>();
            await silo.Storage("Default").ReadStateAsync("snapshot", Long(end), read);
            Assert.Equal(end, read.State!.Number);
        }

        Assert.All(await NamesAsync(), name => Assert.Matches("^grains/snapshot/=[0-9a-f]{64}$", name));

        static GrainId Long(char end) => GrainId.Create("generator", new string('T', 200) + end);
    }

    [Fact]
    public async Task The_serialiser_of_the_storage_determines_the_size_of_a_snapshot()
    {
        await using var silo = await StartAsync(services => services.AddSingleton<IGrainStorageSerializer, OrleansGrainStorageSerializer>());
        var bytes = new byte[1_000_000];
        new Random(1).NextBytes(bytes);
        await silo.Storage("Default").WriteStateAsync("snapshot", s_grain, new GrainState<StoredState>(new StoredState { Bytes = bytes }));

        var read = new GrainState<StoredState>();
        await silo.Storage("Default").ReadStateAsync("snapshot", s_grain, read);
        Assert.Equal(bytes, read.State!.Bytes);
        await foreach (var stored in Store().ListAsync("grains/"))
            Assert.InRange(stored.SizeBytes, 1_000_000, 1_000_200);
    }

    public void Dispose() => _folder.Dispose();

    private FileObjectStore Store() => new(_folder.Path, TimeProvider.System, NullLogger.Instance);

    private async Task<List<string>> NamesAsync()
    {
        using var store = Store();
        return await store.ListAsync("").Select(stored => stored.Name).ToListAsync();
    }

    private Task<TestSilo> StartAsync(Action<IServiceCollection>? configure = null) => TestSilo.StartAsync(
        new Dictionary<string, string?>
        {
            ["Clustering:ProviderType"] = "Development",
            ["GrainStorage:Default:ProviderType"] = "ObjectStore",
        },
        services =>
        {
            services.AddSingleton<IObjectStore>(Store());
            configure?.Invoke(services);
        });
}
