using System.Globalization;

namespace OrleansTempo.Core.Tests.Continuity.Simulation;

/// <summary>
/// Runs of <see cref="SimulationRun"/> in a process with one thread. A failure names its seed; with <c>SIMULATION_SEED</c> set to that, the test runs it alone and prints
/// everything that happens in it.
/// </summary>
public sealed class GeneratorLifeSimulationTests
{
    private static readonly string? s_seed = Environment.GetEnvironmentVariable("SIMULATION_SEED");

    [Fact]
    public Task Whatever_happens_series_are_written_by_one_owner_in_order_and_nothing_is_counted_twice() => SimulateAsync(1, 1000);

    [Fact]
    [Trait("Category", "Long")]
    public Task So_it_is_in_nineteen_thousand_other_runs() => SimulateAsync(1001, 19_000);

    private static async Task SimulateAsync(int first, int runs)
    {
        string[] what = s_seed is not null ? [s_seed] : [first.ToString(CultureInfo.InvariantCulture), runs.ToString(CultureInfo.InvariantCulture)];
        await using var process = ChildProcess.Start(
            "dotnet",
            [typeof(SimulationProgram).Assembly.Location, SimulationProgram.Command, .. what],
            AppContext.BaseDirectory,
            new Dictionary<string, string> { ["DOTNET_PROCESSOR_COUNT"] = "1", ["DOTNET_ThreadPool_ForceMinWorkerThreads"] = "1", ["DOTNET_ThreadPool_ForceMaxWorkerThreads"] = "1" });
        Assert.True(await process.WaitForExitAsync(TimeSpan.FromMinutes(runs > 1000 ? 35 : 5)) == 0, process.Output);
    }
}
