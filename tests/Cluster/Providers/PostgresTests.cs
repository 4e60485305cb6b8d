using System.Net;
using Npgsql;
using OrleansTempo.Cluster.Harness;

namespace OrleansTempo.Cluster.Providers;

/// <summary><c>deploy/postgresql/orleans.sql</c> under Orleans' own ADO.NET providers.</summary>
public sealed class PostgresTests(PostgresFixture postgres) : IClassFixture<PostgresFixture>
{
    private readonly string _cluster = Guid.NewGuid().ToString("N");

    [PostgresFact]
    public async Task The_script_can_run_again_while_silos_use_what_it_made()
    {
        await using var silo = await TestSilo.StartAsync(Settings());
        var before = await silo.Membership.ReadAllAsync();

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => postgres.Server.ApplyScriptAsync()));

        Assert.Equal(before.Version, (await silo.Membership.ReadAllAsync()).Version);
        await using var source = NpgsqlDataSource.Create(postgres.Server.ConnectionString);
        await using var command = source.CreateCommand("SELECT count(*) FROM OrleansQuery");
        Assert.Equal(14L, await command.ExecuteScalarAsync());
    }

    [PostgresFact]
    public async Task Silos_find_each_other_and_continue_without_one_that_was_killed()
    {
        await using var first = await TestSilo.StartAsync(Settings());
        await using var second = await TestSilo.StartAsync(Settings());
        await first.SeesActiveAsync(2);
        await second.SeesActiveAsync(2);
        var two = await first.Membership.ReadAllAsync();

        await second.KillAsync();
        await first.SeesActiveAsync(1);

        await using var third = await TestSilo.StartAsync(Settings());
        var seen = await third.SeesActiveAsync(2);
        Assert.Equal([first.Address, third.Address], seen.Keys.Order());
        Assert.Equal(seen.Keys.Order(), (await first.SeesActiveAsync(2)).Keys.Order());

        var three = await third.Membership.ReadAllAsync();
        Assert.True(three.Version.Version > two.Version.Version, $"{three.Version} after {two.Version}");
        Assert.Equal(3, three.Members.Count);
        Assert.Equal(SiloStatus.Dead, Assert.Single(three.Members, member => member.Item1.SiloAddress.Equals(second.Address)).Item1.Status);
    }

    [PostgresFact]
    public async Task Only_a_silo_with_the_latest_version_changes_the_membership()
    {
        await using var silo = TestSilo.Create(Settings());
        var table = silo.Membership;
        await table.InitializeMembershipTableAsync(tryInitTableVersion: true);
        await table.InitializeMembershipTableAsync(tryInitTableVersion: true);
        var empty = await table.ReadAllAsync();
        Assert.Empty(empty.Members);
        Assert.Equal(0, empty.Version.Version);

        var member = Member(port: 1);
        Assert.True(await table.InsertRowAsync(member, empty.Version.Next()));
        Assert.False(await table.InsertRowAsync(Member(port: 2), empty.Version.Next()));
        var one = await table.ReadAllAsync();
        Assert.Equal(1, one.Version.Version);
        var (entry, etag) = Assert.Single(one.Members);
        AssertSame(member, entry);

        // What is there already is no change, and a version passed for it would be lost.
        Assert.False(await table.InsertRowAsync(member, one.Version.Next()));
        Assert.False(await table.UpdateRowAsync(Member(port: 3), etag, one.Version.Next()));
        Assert.Equal(1, (await table.ReadAllAsync()).Version.Version);

        member.Status = SiloStatus.Active;
        member.AddSuspector(Member(port: 4).SiloAddress, member.IAmAliveTime);
        Assert.False(await table.UpdateRowAsync(member, etag, empty.Version.Next()));
        Assert.True(await table.UpdateRowAsync(member, etag, one.Version.Next()));
        member.IAmAliveTime = member.IAmAliveTime.AddMinutes(1);
        await table.UpdateIAmAliveAsync(member);
        var row = await table.ReadRowAsync(member.SiloAddress);
        Assert.Equal(2, row.Version.Version);
        AssertSame(member, Assert.Single(row.Members).Item1);
        Assert.Empty((await table.ReadRowAsync(Member(port: 5).SiloAddress)).Members);
    }

    [PostgresFact]
    public async Task Of_silos_that_join_at_once_one_per_version_succeeds()
    {
        await using var silo = TestSilo.Create(Settings());
        var table = silo.Membership;
        await table.InitializeMembershipTableAsync(tryInitTableVersion: true);
        for (var round = 0; round < 5; round++)
        {
            var before = await table.ReadAllAsync();
            var joined = await Task.WhenAll(
                Enumerable.Range(0, 8).Select(i => Task.Run(() => table.InsertRowAsync(Member(port: 1 + (round * 8) + i), before.Version.Next()))));
            Assert.Single(joined, true);
            var after = await table.ReadAllAsync();
            Assert.Equal(round + 1, after.Version.Version);
            Assert.Equal(round + 1, after.Members.Count);
        }
    }

    [PostgresFact]
    public async Task Only_dead_members_are_cleaned_up_and_only_this_cluster_is_deleted()
    {
        await using var silo = TestSilo.Create(Settings());
        await using var stranger = TestSilo.Create(Settings(Guid.NewGuid().ToString("N")));
        foreach (var table in new[] { silo.Membership, stranger.Membership })
        {
            await table.InitializeMembershipTableAsync(tryInitTableVersion: true);
            foreach (var (port, status) in new[] { (1, SiloStatus.Active), (2, SiloStatus.Dead) })
            {
                var member = Member(port);
                member.Status = status;
                Assert.True(await table.InsertRowAsync(member, (await table.ReadAllAsync()).Version.Next()));
            }
        }

        await silo.Membership.CleanupDefunctSiloEntriesAsync(Member(1).IAmAliveTime);
        Assert.Equal(2, (await silo.Membership.ReadAllAsync()).Members.Count);
        await silo.Membership.CleanupDefunctSiloEntriesAsync(Member(1).IAmAliveTime.AddSeconds(1));
        Assert.Equal(SiloStatus.Active, Assert.Single((await silo.Membership.ReadAllAsync()).Members).Item1.Status);

        await silo.Membership.DeleteMembershipTableEntriesAsync(_cluster);
        await silo.Membership.InitializeMembershipTableAsync(tryInitTableVersion: true);
        Assert.Empty((await silo.Membership.ReadAllAsync()).Members);
        Assert.Equal(2, (await stranger.Membership.ReadAllAsync()).Members.Count);
    }

    [PostgresFact]
    public async Task Grain_state_is_shared_and_a_stale_writer_is_refused()
    {
        await using var first = await TestSilo.StartAsync(Settings());
        await using var second = await TestSilo.StartAsync(Settings());
        await GrainStorageContract.HoldsAsync(first.Storage("Default"), second.Storage("Default"));
        await GrainStorageContract.OneOfManyWinsAsync(first.Storage("Default"), second.Storage("Default"));
        await GrainStorageContract.OrphansAreOverwrittenAsync(first.Storage("Default"), second.Storage("Default"));
    }

    private static MembershipEntry Member(int port)
    {
        var time = new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc);
        return new MembershipEntry
        {
            SiloAddress = SiloAddress.New(IPAddress.Loopback, port, 7),
            SiloName = $"silo-{port}",
            HostName = "host",
            Status = SiloStatus.Joining,
            ProxyPort = 30_000 + port,
            StartTime = time,
            IAmAliveTime = time.AddSeconds(1),
        };
    }

    private static void AssertSame(MembershipEntry expected, MembershipEntry actual)
    {
        Assert.Equal(expected.SiloAddress, actual.SiloAddress);
        Assert.Equal(expected.SiloName, actual.SiloName);
        Assert.Equal(expected.HostName, actual.HostName);
        Assert.Equal(expected.Status, actual.Status);
        Assert.Equal(expected.ProxyPort, actual.ProxyPort);
        Assert.Equal(expected.StartTime, actual.StartTime);
        Assert.Equal(expected.IAmAliveTime, actual.IAmAliveTime);
        Assert.Equal(expected.SuspectTimes ?? [], actual.SuspectTimes ?? []);
    }

    private Dictionary<string, string?> Settings(string? cluster = null) => new()
    {
        ["ClusterId"] = cluster ?? _cluster,
        ["ServiceId"] = cluster ?? _cluster,
        ["Clustering:ProviderType"] = "AdoNet",
        ["Clustering:Invariant"] = "Npgsql",
        ["Clustering:ConnectionString"] = postgres.Server.ConnectionString,
        ["GrainStorage:Default:ProviderType"] = "AdoNet",
        ["GrainStorage:Default:Invariant"] = "Npgsql",
        ["GrainStorage:Default:ConnectionString"] = postgres.Server.ConnectionString,
    };
}
