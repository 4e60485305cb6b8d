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
    private static readonly TimeSpan s_outage = TimeSpan.FromSeconds(30);

    /// <summary>What the silos run before, as in <see cref="TempoSettings.Program"/>.</summary>
    public string? Program { get; private init; }

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
        await (await cluster.BusiestAsync()).Silo.KillAsync();
        await Task.Delay(TimeSpan.FromSeconds(60));
    });

    /// <summary>The busiest silo stands still for longer than a claim is good for, and goes on.</summary>
    public static ClusterEvent Suspension { get; } = new("suspension", static async cluster =>
    {
        await SuspendAsync(await cluster.BusiestAsync());
        await Task.Delay(TimeSpan.FromSeconds(30));
    });

    /// <summary>The busiest silo and its peers do not hear each other.</summary>
    public static ClusterEvent CutFromPeers { get; } = new("cut-from-peers", static async cluster => await CutFromPeersAsync(cluster, await cluster.BusiestAsync(), bothWays: true));

    /// <summary>The busiest silo hears its peers, and they do not hear it.</summary>
    public static ClusterEvent OneWayCut { get; } = new("one-way-cut", static async cluster => await CutFromPeersAsync(cluster, await cluster.BusiestAsync(), bothWays: false));

    /// <summary>The busiest silo does not reach the store.</summary>
    public static ClusterEvent CutFromStorage { get; } = new("cut-from-storage", static async cluster => await CutFromStorageAsync(cluster, [await cluster.BusiestAsync()], s_cut));

    /// <summary>No silo reaches the store.</summary>
    public static ClusterEvent StorageDown { get; } = new("storage-down", static cluster => CutFromStorageAsync(cluster, cluster.Replicas, s_outage));

    /// <summary>The cable of the busiest silo is slow.</summary>
    public static ClusterEvent SlowLink { get; } = new("slow-link", static async cluster => await SlowAsync(cluster, await cluster.BusiestAsync()));

    public static IReadOnlyList<ClusterEvent> All { get; } =
        [Nothing, RollingRestarts, Growth, Kill, Suspension, CutFromPeers, OneWayCut, CutFromStorage, StorageDown, SlowLink];

    /// <summary>Silos of another build are replaced by ones of this one, one after another, and these again by ones of that.</summary>
    /// <param name="program">The other build's, as in <see cref="TempoSettings.Program"/>.</param>
    public static ClusterEvent UpgradeFrom(string program) => new(
        "upgrade",
        async cluster =>
        {
            foreach (var next in (string?[])[null, program])
            {
                foreach (var replica in cluster.Replicas)
                {
                    await cluster.RestartAsync(replica, next);
                    await Task.Delay(TimeSpan.FromSeconds(2));
                }

                await Task.Delay(TimeSpan.FromSeconds(10));
            }
        })
    {
        Program = program,
    };

    /// <summary>Everything of the above, one thing after another by chance.</summary>
    /// <param name="duration">For how long.</param>
    /// <param name="seed">Which chance.</param>
    public static ClusterEvent Soak(TimeSpan duration, int seed) => new("soak", async cluster =>
    {
        var random = new Random(seed);
        for (var begun = DateTime.UtcNow; DateTime.UtcNow - begun < duration;)
        {
            var victim = cluster.Replicas[random.Next(cluster.Replicas.Count)];
            var (name, happen) = random.Next(9) switch
            {
                0 or 1 => ("restart", (Func<Task>)(() => cluster.RestartAsync(victim))),
                2 => ("kill", victim.Silo.KillAsync),
                3 => ("suspension", () => SuspendAsync(victim)),
                4 => ("cut from peers", () => CutFromPeersAsync(cluster, victim, bothWays: true)),
                5 => ("one-way cut", () => CutFromPeersAsync(cluster, victim, bothWays: false)),
                6 => ("cut from storage", () => CutFromStorageAsync(cluster, [victim], s_cut)),
                7 => ("storage down", () => CutFromStorageAsync(cluster, cluster.Replicas, s_outage)),
                _ when cluster.Replicas.Count > 2 && random.Next(2) == 0 => ("one silo less", () => cluster.RemoveAsync(victim)),
                _ when cluster.Replicas.Count < 4 => ("one silo more", () => cluster.AddAsync()),
                _ => ("slow link", () => SlowAsync(cluster, victim)),
            };
            cluster.Note($"after {(DateTime.UtcNow - begun).TotalSeconds:F0} s: {name}");
            await happen();
            await cluster.AllReadyAsync();
            await Task.Delay(TimeSpan.FromSeconds(random.Next(5, 40)));
        }
    });

    /// <summary>Lets it happen to a new cluster.</summary>
    public async Task<ClusterReport> ExecuteAsync(StoreKind store)
    {
        await using var cluster = await MachineCluster.StartAsync(store, Silos, Program);
        cluster.BeginLoad();
        await Task.Delay(s_before);
        cluster.BeginWatch();
        await HappenAsync(cluster);
        await cluster.AllReadyAsync();
        await Task.Delay(s_after);
        return await cluster.ReportAsync();
    }

    private static async Task SuspendAsync(Replica victim)
    {
        victim.Silo.Pause();
        await Task.Delay(s_outage);
        victim.Silo.Continue();
    }

    private static async Task CutFromPeersAsync(MachineCluster cluster, Replica victim, bool bothWays)
    {
        var address = cluster.MachineOf(victim).Address;
        foreach (var peer in cluster.Network.Machines.Select(static machine => machine.Address).Where(peer => !peer.Equals(address)))
        {
            await cluster.Network.CutAsync(address, peer);
            if (bothWays)
                await cluster.Network.CutAsync(peer, address);
        }

        await Task.Delay(s_cut);
        await cluster.Network.HealAsync();
    }

    private static async Task CutFromStorageAsync(MachineCluster cluster, IReadOnlyList<Replica> victims, TimeSpan duration)
    {
        foreach (var victim in victims)
        {
            await cluster.Network.CutAsync(cluster.MachineOf(victim).Address, cluster.Network.Storage);
            await cluster.Network.CutAsync(cluster.Network.Storage, cluster.MachineOf(victim).Address);
        }

        await Task.Delay(duration);
        await cluster.Network.HealAsync();
    }

    private static async Task SlowAsync(MachineCluster cluster, Replica victim)
    {
        await cluster.Network.SlowAsync(cluster.MachineOf(victim));
        await Task.Delay(s_cut);
        await cluster.Network.SpeedUpAsync(cluster.MachineOf(victim));
    }
}
