using System.Net;

namespace OrleansTempo.Integration;

/// <summary>
/// The bodies whose outcome was recorded from Tempo give exactly that here: in a real Prometheus by remote write, and on
/// the scrape page.
/// </summary>
public sealed class GoldenTests(PrometheusFixture prometheus) : IClassFixture<PrometheusFixture>
{
    private static readonly int[] Recorded = [1, 2, 3, 5, 8];

    [PrometheusFact]
    public Task Recorded_bodies_over_http_give_exactly_what_tempo_wrote() => Check(new() { Test = "golden-http" }, Recorded, GoldenBodies.Expected(), PostAsync);

    [PrometheusFact]
    public Task Recorded_bodies_over_grpc_give_exactly_what_tempo_wrote() => Check(new() { Test = "golden-grpc" }, Recorded, GoldenBodies.Expected(), async (sender, body) =>
        Assert.Equal("0", await sender.ExportAsync(body)));

    [PrometheusFact]
    public Task With_nearly_every_option_of_the_generator_on_all_bodies_give_exactly_what_tempo_wrote() => Check(
        new() { Test = "golden-full", GeneratorBlocks = GoldenBodies.FullConfiguration() }, Enumerable.Range(1, 12), GoldenBodies.ExpectedInFull(), PostAsync);

    private static async Task PostAsync(OtlpSender sender, byte[] body) => Assert.Equal(HttpStatusCode.OK, await sender.PostAsync(body));

    private async Task Check(TempoSettings settings, IEnumerable<int> bodies, SeriesValues expected, Func<OtlpSender, byte[], Task> send)
    {
        await using var silo = await SiloProcess.StartAsync(settings with { RemoteWriteUrls = [prometheus.Process.RemoteWriteUrl] });

        foreach (var body in bodies)
            await send(silo.Sender, GoldenBodies.Read(body));
        // Longer than `wait`: whatever an edge without its other side would add is there by then.
        await silo.CollectAsync(5);

        var generated = await silo.GeneratedAsync();
        Assert.Equal("", generated.DifferenceFrom(expected));
        var stored = await Eventually.GetAsync(
            () => silo.StoredAsync(prometheus.Process),
            values => values.DifferenceFrom(expected).Length == 0,
            values => values.DifferenceFrom(expected) + silo.Log);
        Assert.Equal(expected.Count, stored.Count);
        Assert.Empty(prometheus.Process.OrderComplaints);
    }
}
