using System.Net;

namespace OrleansTempo.Integration;

/// <summary>A silo that was sent, once, the bodies whose outcome was not recorded with defaults, and what Prometheus has of them.</summary>
public sealed class ContractFixture : IAsyncLifetime
{
    private static readonly int[] Bodies = [4, 6, 7, 9, 10, 11, 12];

    internal SeriesValues Stored { get; private set; } = [];

    internal SeriesValues Generated { get; private set; } = [];

    internal SeriesValues Own { get; private set; } = [];

    public async Task InitializeAsync()
    {
        if (new PrometheusFactAttribute().Skip is not null)
            return;

        await using var prometheus = await PrometheusProcess.StartAsync();
        await using var silo = await SiloProcess.StartAsync(new() { Test = "contract", RemoteWriteUrls = [prometheus.RemoteWriteUrl] });
        foreach (var body in Bodies)
            Assert.Equal(HttpStatusCode.OK, await silo.Sender.PostAsync(GoldenBodies.Read(body)));
        // Longer than `wait`: the edges without their other side have expired by then.
        await silo.CollectAsync(5);

        Generated = await silo.GeneratedAsync();
        Own = await silo.OwnMetricsAsync();
        Stored = await Eventually.GetAsync(
            () => silo.StoredAsync(prometheus),
            values => values.DifferenceFrom(Generated).Length == 0,
            values => values.DifferenceFrom(Generated) + silo.Log);
    }

    public Task DisposeAsync() => Task.CompletedTask;
}
