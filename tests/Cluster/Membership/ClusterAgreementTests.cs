using System.Text;
using System.Text.Json;
using OrleansTempo.Core.Objects;
using OrleansTempo.Core.Tests.Objects;
using OrleansTempo.Silo.Membership;

namespace OrleansTempo.Cluster.Membership;

public class ClusterAgreementTests
{
    private readonly InMemoryObjectStore _store = new();

    [Fact]
    public async Task The_first_silo_writes_the_agreement_and_equal_silos_join()
    {
        var first = await JoinAsync(8);
        var second = await JoinAsync(8);
        Assert.Equal(first, second);
        Assert.Equal((8, "blue", "tempo"), (first.Partitions, first.ClusterId, first.ServiceId));
        Assert.Matches("^[0-9a-f]{32}$", first.StoreId);
        Assert.Equal($$"""{"partitions":8,"clusterId":"blue","serviceId":"tempo","storeId":"{{first.StoreId}}"}""", await StoredAsync());
    }

    [Fact]
    public async Task Two_stores_are_told_apart()
    {
        var other = await new ClusterAgreement(8, "blue", "tempo").JoinAsync(new InMemoryObjectStore(), CancellationToken.None);
        Assert.NotEqual(other.StoreId, (await JoinAsync(8)).StoreId);
    }

    [Theory]
    [InlineData(4, "blue", "tempo", "ingester.partitions is 4 here but 8 in the other silos", "set it to 8 here")]
    [InlineData(8, "green", "tempo", "Orleans:ClusterId is green here but blue in the other silos", "set it to blue here")]
    [InlineData(8, "blue", "traces", "Orleans:ServiceId is traces here but tempo in the other silos", "set it to tempo here")]
    public async Task A_different_silo_is_refused_with_the_others_value_and_how_to_change_it(int partitions, string clusterId, string serviceId, string difference, string remedy)
    {
        await JoinAsync(8);
        var before = await StoredAsync();
        var refusal = await Assert.ThrowsAsync<ArgumentException>(() => JoinAsync(partitions, clusterId, serviceId));
        Assert.Equal(
            $"{difference}, according to the object 'cluster.json' in their store; {remedy} as well, or to change it everywhere stop all silos, delete that object, and start them with the new value",
            refusal.Message);
        Assert.Equal(before, await StoredAsync());

        await _store.DeleteAsync(ClusterAgreement.ObjectName);
        Assert.Equal((partitions, clusterId, serviceId), await JoinAsync(partitions, clusterId, serviceId) is var joined ? (joined.Partitions, joined.ClusterId, joined.ServiceId) : default);
    }

    [Fact]
    public async Task The_object_of_an_older_version_is_completed_once()
    {
        await _store.PutAsync(ClusterAgreement.ObjectName, Encoding.UTF8.GetBytes("""{"partitions":8}"""));
        await Assert.ThrowsAsync<ArgumentException>(() => JoinAsync(4));

        var joined = await Task.WhenAll(JoinAsync(8), JoinAsync(8));
        Assert.Equal(joined[0], joined[1]);
        Assert.Equal(joined[0], JsonSerializer.Deserialize<ClusterAgreement>(await StoredAsync(), JsonSerializerOptions.Web));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("""{"partitions":0}""")]
    [InlineData("""{"partitions":"many"}""")]
    public async Task An_object_with_other_content_is_reported_with_its_name(string content)
    {
        await _store.PutAsync(ClusterAgreement.ObjectName, Encoding.UTF8.GetBytes(content));
        var refusal = await Assert.ThrowsAsync<ArgumentException>(() => JoinAsync(8));
        Assert.Contains("'cluster.json'", refusal.Message);
    }

    private Task<ClusterAgreement> JoinAsync(int partitions, string clusterId = "blue", string serviceId = "tempo") =>
        new ClusterAgreement(partitions, clusterId, serviceId).JoinAsync(_store, CancellationToken.None);

    private async Task<string> StoredAsync() => Encoding.UTF8.GetString((await _store.GetAsync(ClusterAgreement.ObjectName))!.Value.Content.Span);
}
