using Orleans.Concurrency;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Client.Tests;

/// <summary>A distributor that does what <see cref="FakeTempo"/> says, as a grain and without a silo.</summary>
[StatelessWorker, Reentrant]
internal sealed class FakeDistributorGrain : Grain, IDistributorGrain
{
    public async Task<PushAnswer[]> PushAsync(string tenant, OtlpRequests requests)
    {
        var fake = FakeTempo.Of(tenant);
        var answers = new List<PushAnswer>();
        foreach (var bytes in requests.Bytes)
        {
            fake.Received.Enqueue(bytes.ToArray());
            answers.Add(await fake.Answer(bytes.ToArray()));
        }

        return [.. answers];
    }
}
