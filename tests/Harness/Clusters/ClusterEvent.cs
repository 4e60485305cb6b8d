namespace OrleansTempo.Harness.Clusters;

/// <summary>Something that happens to a cluster under load, such as a restart or a cut; and how long it is watched afterwards.</summary>
/// <param name="Name">As the bench knows it.</param>
/// <param name="HappenAsync">What happens; ends when it is over.</param>
/// <param name="Silos">How many silos there are before.</param>
internal sealed record ClusterEvent(string Name, Func<MachineCluster, Task> HappenAsync, int Silos = 3)
{
    private static readonly TimeSpan s_before = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan s_after = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_cut = TimeSpan.FromSeconds(60);

    public static ClusterEvent Nothing { get; } = new("nothing", static _ => Task.CompletedTask);

    /// <summary>Every silo is stopped in order and started again, one after another.</summary>
    public static ClusterEvent RollingRestarts { get; } = new("rolling-restarts", static async cluster =>
    {
        for (var round = 0; round < 3; round++)
        {
            foreach (var replica in cluster.Replicas)
            {
                await cluster.RestartAsync(replica);
                await Task.Delay(TimeSpan.FromSeconds(2));
            }
        }
    });

    /// <summary>From one silo to three, until each has its share of the generators, and back to one.</summary>
    public static ClusterEvent Growth { get; } = new(
        "growth",
        static async cluster =>
        {
            await cluster.AddAsync();
            await cluster.AddAsync();
            var begun = DateTime.UtcNow;
            while (cluster.Replicas.Any(static replica => replica.Generators.Count is < 3 or > 5) && DateTime.UtcNow - begun < TimeSpan.FromSeconds(90))
                await Task.Delay(500);
            cluster.Shared = DateTime.UtcNow - begun;
            cluster.Note($"generators {string.Join(", ", cluster.Replicas.Select(static replica => replica.Generators.Count))} after {cluster.Shared.TotalSeconds:F0} s");
            await Task.Delay(TimeSpan.FromSeconds(10));
            foreach (var replica in cluster.Replicas.Skip(1))
            {
                if (await cluster.RemoveAsync(replica) is not 0 and var code)
                    cluster.Note($"a silo that was taken away exited with {code}");
            }
        },
        Silos: 1);

    /// <summary>The busiest silo is killed.</summary>
    public static ClusterEvent Kill { get; } = new("kill", static async cluster =>
    {
        var victim = await cluster.BusiestAsync();
        await victim.Silo.KillAsync();
        await Task.Delay(TimeSpan.FromSeconds(60));
    });

    /// <summary>The busiest silo stands still for longer than a claim is good for, and goes on.</summary>
    public static ClusterEvent Suspension { get; } = new("suspension", static async cluster =>
    {
        var victim = await cluster.BusiestAsync();
        victim.Silo.Pause();
        await Task.Delay(TimeSpan.FromSeconds(30));
        victim.Silo.Continue();
        await Task.Delay(TimeSpan.FromSeconds(30));
    });

    /// <summary>The busiest silo and its peers do not hear each other.</summary>
    public static ClusterEvent CutFromPeers { get; } = new("cut-from-peers", static async cluster =>
    {
        var victim = cluster.MachineOf(await cluster.BusiestAsync());
        foreach (var peer in cluster.Network.Machines.Where(machine => machine != victim))
            await cluster.Network.CutBothAsync(victim.Address, peer.Address);
        await Task.Delay(s_cut);
        await cluster.Network.HealAsync();
    });

    /// <summary>The busiest silo hears its peers, and they do not hear it.</summary>
    public static ClusterEvent OneWayCut { get; } = new("one-way-cut", static async cluster =>
    {
        var victim = cluster.MachineOf(await cluster.BusiestAsync());
        foreach (var peer in cluster.Network.Machines.Where(machine => machine != victim))
            await cluster.Network.CutAsync(victim.Address, peer.Address);
        await Task.Delay(s_cut);
        await cluster.Network.HealAsync();
    });

    /// <summary>The busiest silo does not reach the store.</summary>
    public static ClusterEvent CutFromStorage { get; } = new("cut-from-storage", static async cluster =>
    {
        var victim = cluster.MachineOf(await cluster.BusiestAsync());
        await cluster.Network.CutBothAsync(victim.Address, cluster.Network.Storage);
        await Task.Delay(s_cut);
        await cluster.Network.HealAsync();
    });

    /// <summary>No silo reaches the store.</summary>
    public static ClusterEvent StorageDown { get; } = new("storage-down", static async cluster =>
    {
        foreach (var machine in cluster.Network.Machines)
            await cluster.Network.CutBothAsync(machine.Address, cluster.Network.Storage);
        await Task.Delay(TimeSpan.FromSeconds(30));
        await cluster.Network.HealAsync();
    });

    /// <summary>The cable of the busiest silo is slow.</summary>
    public static ClusterEvent SlowLink { get; } = new("slow-link", static async cluster =>
    {
        var victim = cluster.MachineOf(await cluster.BusiestAsync());
        await cluster.Network.SlowAsync(victim);
        await Task.Delay(s_cut);
        await cluster.Network.SpeedUpAsync(victim);
    });

    public static IReadOnlyList<ClusterEvent> All { get; } =
        [Nothing, RollingRestarts, Growth, Kill, Suspension, CutFromPeers, OneWayCut, CutFromStorage, StorageDown, SlowLink];

    /// <summary>Lets it happen to a new cluster.</summary>
    public async Task<ClusterReport> ExecuteAsync(StoreKind store)
    {
        await using var cluster = await MachineCluster.StartAsync(store, Silos);
        cluster.BeginLoad();
        await Task.Delay(s_before);
        cluster.BeginWatch();
        await HappenAsync(cluster);
        await cluster.AllReadyAsync();
        await Task.Delay(s_after);
        return await cluster.ReportAsync();
    }
}
