using System.Net;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Integration;

/// <summary>What a tenant sets by <c>/api/overrides</c> in a real process.</summary>
public sealed class UserOverridesTests
{
    private const string Path = "/api/overrides";

    [Fact]
    public async Task Series_change_without_a_restart_and_without_touching_other_counters_and_what_was_set_survives_one()
    {
        await using var silo = await SiloProcess.StartAsync(new() { Test = "user-overrides", UserConfigurableOverrides = "enabled: true, poll_interval: 1h" });
        await CallAsync(silo, 5);
        await UntilAsync(silo, generated => Graph(generated) == 5 && Calls(generated) == 10 && CallsByName(generated) == 0);

        using (var set = await silo.SendAsync(HttpMethod.Post, Path, """{"metrics_generator":{"processor":{"span_metrics":{"dimensions":["service.name"]}}}}""", "0"))
            Assert.True(set.StatusCode == HttpStatusCode.OK, await set.Content.ReadAsStringAsync());
        await CallAsync(silo, 3);

        // The edges' counter goes on from 5; the spans' series are others now.
        await UntilAsync(silo, generated => Graph(generated) == 8 && CallsByName(generated) == 6);

        using (var set = await silo.SendAsync(HttpMethod.Patch, Path, """{"metrics_generator":{"processors":["span-metrics"]}}"""))
            Assert.True(set.StatusCode == HttpStatusCode.OK, await set.Content.ReadAsStringAsync());
        await CallAsync(silo, 2);

        // And now the spans' counter goes on, while there are no edges any more.
        await UntilAsync(silo, generated => Graph(generated) == 0 && CallsByName(generated) == 10);

        var before = await ReadAsync(silo);
        Assert.Equal(0, await silo.TerminateAsync());
        await silo.StartAgainAsync();

        Assert.Equal(before, await ReadAsync(silo));
        await CallAsync(silo, 1);
        await UntilAsync(silo, generated => CallsByName(generated) == 12);
        Assert.Equal(0, Graph(await silo.GeneratedAsync()));
        Assert.DoesNotContain("level=error", silo.Log);
    }

    [Fact]
    public async Task A_value_that_is_not_allowed_is_refused_and_changes_nothing()
    {
        await using var silo = await SiloProcess.StartAsync(new() { Test = "user-overrides-refused", UserConfigurableOverrides = "enabled: true" });

        using var refused = await silo.SendAsync(HttpMethod.Post, Path, """{"metrics_generator":{"collection_interval":"1s"}}""", "0");

        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Equal("metrics_generator.collection_interval: '1s' is not allowed; it must be from 15s to 5m\n", await refused.Content.ReadAsStringAsync());
        using var nothing = await silo.GetAsync(Path);
        Assert.Equal(HttpStatusCode.NotFound, nothing.StatusCode);
    }

    private static async Task CallAsync(SiloProcess silo, int calls)
    {
        for (var call = 0; call < calls; call++)
            Assert.Equal(HttpStatusCode.OK, await silo.Sender.PostAsync(GoldenBodies.Call("client", "server")));
    }

    private static Task UntilAsync(SiloProcess silo, Predicate<SeriesValues> holds) =>
        Eventually.GetAsync(silo.GeneratedAsync, generated => holds(generated), generated => $"{generated}\n{silo.Log}");

    private static async Task<(string Version, string Body)> ReadAsync(SiloProcess silo)
    {
        using var answer = await silo.GetAsync(Path);
        return (answer.Headers.NonValidated["ETag"].ToString(), await answer.Content.ReadAsStringAsync());
    }

    private static double Graph(SeriesValues generated) => generated.Sum("traces_service_graph_request_total");

    private static double Calls(SeriesValues generated) => generated.Sum("traces_spanmetrics_calls_total");

    private static double CallsByName(SeriesValues generated) => Calls(generated.Where(static series => series.Contains("service_name=")));
}
