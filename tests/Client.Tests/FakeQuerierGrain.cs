using Orleans.Concurrency;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Client.Tests;

/// <summary>A querier that finds what <see cref="FakeTempo"/> has, as a grain and without a silo.</summary>
[StatelessWorker]
internal sealed class FakeQuerierGrain : Grain, IQuerierGrain
{
    public Task<FoundTrace> FindTraceAsync(string tenant, byte[] traceId) =>
        Task.FromResult(FakeTempo.Of(tenant).Traces.GetValueOrDefault(Convert.ToHexStringLower(traceId)) ?? new FoundTrace());
}
