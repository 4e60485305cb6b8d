using OrleansTempo.Grains.Interfaces;
using OrleansTempo.Silo.Membership;

namespace OrleansTempo.Cluster.Membership;

public class MemberCheckTests
{
    private static readonly MemberDescription s_mine = new() { StoreId = "1", Store = "directory '/a' of left", Partitions = 8 };

    [Fact]
    public void Silos_with_the_same_store_work_together_whatever_they_call_it() =>
        Assert.Null(MemberCheck.Difference("A", s_mine, "B", s_mine with { Store = "directory '/mnt/a' of right" }));

    [Fact]
    public void Silos_with_different_stores_are_reported_with_their_stores_and_the_setting() => Assert.Equal(
        "storage.trace is directory '/a' of left in silo A but a different store, directory '/a' of right, in silo B of the same cluster; "
        + "all silos of a cluster need the same store: a directory that all of them mount, or a blob container",
        MemberCheck.Difference("A", s_mine, "B", s_mine with { StoreId = "2", Store = "directory '/a' of right" }));

    [Fact]
    public void Silos_with_different_partitions_are_reported_with_both_numbers() => Assert.Equal(
        "ingester.partitions is 8 in silo A but 4 in silo B; all silos of a cluster need the same number",
        MemberCheck.Difference("A", s_mine, "B", s_mine with { Partitions = 4 }));
}
