using Orleans.Storage;
using OrleansTempo.Core.Continuity;
using OrleansTempo.Grains;

namespace OrleansTempo.Cluster.Harness;

/// <summary>What every grain storage must do for the generators' claims and snapshots: two silos share it, and only one of them is right.</summary>
internal static class GrainStorageContract
{
    private const string Name = "snapshot";

    public static async Task HoldsAsync(IGrainStorage one, IGrainStorage other)
    {
        var grain = GrainId.Create("generator", $"Tenant/{Guid.NewGuid():N}");
        var bytes = new byte[300_000];
        new Random(1).NextBytes(bytes);

        var first = new GrainState<StoredState>();
        await one.ReadStateAsync(Name, grain, first);
        Assert.False(first.RecordExists);
        Assert.NotNull(first.State);
        var late = new GrainState<StoredState>();
        await other.ReadStateAsync(Name, grain, late);

        first.State = new StoredState { Number = 1, Bytes = bytes };
        await one.WriteStateAsync(Name, grain, first);
        Assert.True(first.RecordExists);
        Assert.False(string.IsNullOrEmpty(first.ETag));

        // Both had read that there is none.
        late.State = new StoredState { Number = 99 };
        await Assert.ThrowsAsync<InconsistentStateException>(() => other.WriteStateAsync(Name, grain, late));

        var second = new GrainState<StoredState>();
        await other.ReadStateAsync(Name, grain, second);
        Assert.True(second.RecordExists);
        Assert.Equal(first.ETag, second.ETag);
        Assert.Equal(1, second.State!.Number);
        Assert.Equal(bytes, second.State!.Bytes);

        var neighbour = new GrainState<StoredState>();
        await other.ReadStateAsync(Name, GrainId.Create("generator", grain.Key + "x"), neighbour);
        Assert.False(neighbour.RecordExists);

        second.State!.Number = 2;
        await other.WriteStateAsync(Name, grain, second);
        Assert.NotEqual(first.ETag, second.ETag);

        first.State!.Number = 98;
        await Assert.ThrowsAsync<InconsistentStateException>(() => one.WriteStateAsync(Name, grain, first));
        await Assert.ThrowsAsync<InconsistentStateException>(() => one.ClearStateAsync(Name, grain, first));

        await one.ReadStateAsync(Name, grain, first);
        Assert.Equal(2, first.State!.Number);
        await one.ClearStateAsync(Name, grain, first);
        Assert.False(first.RecordExists);
        Assert.Equal(0, first.State!.Number);
        await Assert.ThrowsAsync<InconsistentStateException>(() => other.WriteStateAsync(Name, grain, second));

        await other.ReadStateAsync(Name, grain, second);
        Assert.False(second.RecordExists);
        Assert.Equal(0, second.State!.Number);

        first.State!.Number = 3;
        await one.WriteStateAsync(Name, grain, first);
        await other.ReadStateAsync(Name, grain, second);
        Assert.Equal(3, second.State!.Number);
    }

    /// <summary>A snapshot that an overtaken owner leaves when its successor has already read that there is none is in nobody's way, and cannot replace the successor's.</summary>
    public static async Task OrphansAreOverwrittenAsync(IGrainStorage one, IGrainStorage other)
    {
        var grain = GrainId.Create("generator", $"Tenant/{Guid.NewGuid():N}");
        var (overtaken, successor) = (new GrainSnapshotStorage(new StoredSnapshots(one, grain)), new GrainSnapshotStorage(new StoredSnapshots(other, grain)));
        Assert.Null(await overtaken.ReadAsync(default));
        Assert.Null(await successor.ReadAsync(default));
        Assert.True(await overtaken.TryWriteAsync(Kept(1, new byte[] { 1 }), default));

        Assert.False(await successor.TryWriteAsync(Kept(2, new byte[] { 2 }), default));
        Assert.Equal(1, (await successor.ReadAsync(default))?.Epoch);
        Assert.True(await successor.TryWriteAsync(Kept(2, new byte[] { 2, 2 }), default));
        Assert.False(await overtaken.TryWriteAsync(Kept(1, new byte[] { 1 }), default));
        await overtaken.ClearAsync(default);

        var third = new GrainSnapshotStorage(new StoredSnapshots(one, grain));
        var kept = await third.ReadAsync(default);
        Assert.Equal((2, 2), (kept!.Epoch, kept.Content.Length));
        await third.ClearAsync(default);
        Assert.False(await overtaken.TryWriteAsync(Kept(1, new byte[] { 1 }), default));
        Assert.True(await third.TryWriteAsync(Kept(3, new byte[] { 3 }), default));
        Assert.Equal(3, (await overtaken.ReadAsync(default))?.Epoch);
    }

    /// <summary>Of many that write at once what all of them had read the same, one succeeds.</summary>
    public static async Task OneOfManyWinsAsync(IGrainStorage one, IGrainStorage other)
    {
        var grain = GrainId.Create("generator", Guid.NewGuid().ToString("N"));
        for (var round = 0; round < 5; round++)
        {
            var states = await Task.WhenAll(Enumerable.Range(0, 8).Select(async i =>
            {
                var state = new GrainState<StoredState>();
                await (i % 2 == 0 ? one : other).ReadStateAsync(Name, grain, state);
                state.State = new StoredState { Number = (round * 100) + i };
                return state;
            }));
            var won = await Task.WhenAll(states.Select((state, i) => Task.Run(async () =>
            {
                try
                {
                    await (i % 2 == 0 ? one : other).WriteStateAsync(Name, grain, state);
                    return true;
                }
                catch (InconsistentStateException)
                {
                    return false;
                }
            })));
            var winner = states[Assert.Single(Enumerable.Range(0, 8), i => won[i])];

            var stored = new GrainState<StoredState>();
            await one.ReadStateAsync(Name, grain, stored);
            Assert.Equal(winner.State!.Number, stored.State!.Number);
            Assert.Equal(winner.ETag, stored.ETag);
        }
    }

    private static KeptSnapshot Kept(long epoch, byte[] series) => new(epoch, series, ReadOnlyMemory<byte>.Empty);
}
