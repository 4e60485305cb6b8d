using System.Text;
using OrleansTempo.Core.Tests.Storage;
using OrleansTempo.Silo.Membership;

namespace OrleansTempo.Cluster.Membership;

public class ClusterAgreementTests
{
    private readonly InMemoryObjectStore _store = new();

    [Fact]
    public async Task The_first_silo_writes_it_down_and_others_like_it_agree()
    {
        await new ClusterAgreement(8).JoinAsync(_store, CancellationToken.None);
        await new ClusterAgreement(8).JoinAsync(_store, CancellationToken.None);
        Assert.Equal("""{"partitions":8}""", await StoredAsync());
    }

    [Fact]
    public async Task A_silo_that_differs_is_told_what_the_others_have_and_how_to_change_it()
    {
        await new ClusterAgreement(8).JoinAsync(_store, CancellationToken.None);
        var refusal = await Assert.ThrowsAsync<ArgumentException>(() => new ClusterAgreement(4).JoinAsync(_store, CancellationToken.None));
        Assert.Equal(
            "ingester.partitions is 4 here and 8 in the other silos, as the object 'cluster.json' of their store says; "
            + "write 8 here as well, or to change it stop all silos, delete that object, and start them with the new number",
            refusal.Message);
        Assert.Equal("""{"partitions":8}""", await StoredAsync());

        await _store.DeleteAsync(ClusterAgreement.ObjectName);
        await new ClusterAgreement(4).JoinAsync(_store, CancellationToken.None);
        Assert.Equal("""{"partitions":4}""", await StoredAsync());
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("""{"partitions":0}""")]
    [InlineData("""{"partitions":"many"}""")]
    public async Task An_object_that_is_something_else_is_named(string content)
    {
        await _store.PutAsync(ClusterAgreement.ObjectName, Encoding.UTF8.GetBytes(content));
        var refusal = await Assert.ThrowsAsync<ArgumentException>(() => new ClusterAgreement(8).JoinAsync(_store, CancellationToken.None));
        Assert.Contains("'cluster.json'", refusal.Message);
    }

    private async Task<string> StoredAsync() => Encoding.UTF8.GetString((await _store.GetAsync(ClusterAgreement.ObjectName))!.Value.Content.Span);
}
