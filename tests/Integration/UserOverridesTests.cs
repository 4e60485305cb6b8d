using System.Net;
using OrleansTempo.Integration.Harness;

namespace OrleansTempo.Integration;

/// <summary>What a tenant sets by <c>/api/overrides</c> in a real process.</summary>
public sealed class UserOverridesTests
{
    private const string Path = "/api/overrides";

    [Fact]
    public async Task Series_change_without_a_restart_and_without_touching_other_counters_and_what_was_set_survives_one()
    {
        await using var standalone = await StandaloneProcess.StartAsync(new() { Test = "user-overrides", UserConfigurableOverrides = "enabled: true, poll_interval: 1h" });
        await CallAsync(standalone, 5);
        await UntilAsync(standalone, generated => Graph(generated) == 5 && Calls(generated) == 10 && CallsByName(generated) == 0);

        using (var set = await standalone.SendAsync(HttpMethod.Post, Path, """{"metrics_generator":{"processor":{"span_metrics":{"dimensions":["service.name"]}}}}""", "0"))
            Assert.True(set.StatusCode == HttpStatusCode.OK, await set.Content.ReadAsStringAsync());
        await CallAsync(standalone, 3);

        // The edges' counter goes on from 5; the spans' series are others now.
        await UntilAsync(standalone, generated => Graph(generated) == 8 && CallsByName(generated) == 6);

        using (var set = await standalone.SendAsync(HttpMethod.Patch, Path, """{"metrics_generator":{"processors":["span-metrics"]}}"""))
            Assert.True(set.StatusCode == HttpStatusCode.OK, await set.Content.ReadAsStringAsync());
        await CallAsync(standalone, 2);

        // And now the spans' counter goes on, while there are no edges any more.
        await UntilAsync(standalone, generated => Graph(generated) == 0 && CallsByName(generated) == 10);

        var before = await ReadAsync(standalone);
        Assert.Equal(0, await standalone.TerminateAsync());
        await standalone.StartAgainAsync();

        Assert.Equal(before, await ReadAsync(standalone));
        await CallAsync(standalone, 1);
        await UntilAsync(standalone, generated => CallsByName(generated) >= 2);
        Assert.Equal(0, Graph(await standalone.GeneratedAsync()));
        Assert.DoesNotContain("level=error", standalone.Log);
    }

    [Fact]
    public async Task A_value_that_is_not_allowed_is_refused_and_changes_nothing()
    {
        await using var standalone = await StandaloneProcess.StartAsync(new() { Test = "user-overrides-refused", UserConfigurableOverrides = "enabled: true" });

        using var refused = await standalone.SendAsync(HttpMethod.Post, Path, """{"metrics_generator":{"collection_interval":"1s"}}""", "0");

        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Equal("metrics_generator.collection_interval: '1s' is not allowed; it must be from 15s to 5m\n", await refused.Content.ReadAsStringAsync());
        using var nothing = await standalone.GetAsync(Path);
        Assert.Equal(HttpStatusCode.NotFound, nothing.StatusCode);
    }

    private static async Task CallAsync(StandaloneProcess standalone, int calls)
    {
        for (var call = 0; call < calls; call++)
            Assert.Equal(HttpStatusCode.OK, await standalone.Sender.PostAsync(GoldenBodies.Call("client", "server")));
    }

    private static Task UntilAsync(StandaloneProcess standalone, Predicate<SeriesValues> holds) =>
        Eventually.GetAsync(standalone.GeneratedAsync, generated => holds(generated), generated => $"{generated}\n{standalone.Log}");

    private static async Task<(string Version, string Body)> ReadAsync(StandaloneProcess standalone)
    {
        using var answer = await standalone.GetAsync(Path);
        return (answer.Headers.NonValidated["ETag"].ToString(), await answer.Content.ReadAsStringAsync());
    }

    private static double Graph(SeriesValues generated) => generated.Sum("traces_service_graph_request_total");

    private static double Calls(SeriesValues generated) => generated.Sum("traces_spanmetrics_calls_total");

    private static double CallsByName(SeriesValues generated) => Calls(generated.Where(static series => series.Contains("service_name=")));
}
