using System.Globalization;

namespace OrleansTempo.Core.Tests.Continuity.Simulation;

/// <summary>
/// The program of the process in which runs are simulated, because its thread pool must have one thread: <c>simulate FIRST-SEED RUNS</c>, or one run
/// with everything that happens in it: <c>simulate SEED</c>.
/// </summary>
internal static class SimulationProgram
{
    public const string Command = "simulate";

    // Runs that are run twice, to see that a seed decides all of it.
    private const int Repeated = 10;

    // Seeds that are printed before it gives up.
    private const int MaxFailures = 10;

    public static Task<int> Main(string[] arguments) => arguments switch
    {
        [Command, var seed] => Task.Run(() => ShowAsync(Number(seed))),
        [Command, var first, var runs] => Task.Run(() => RunAsync(Number(first), Number(runs))),
        _ => Task.FromResult(2),
    };

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    private static async Task<int> ShowAsync(int seed)
    {
        var run = new SimulationRun(seed);
        var violations = await run.RunAsync();
        Console.WriteLine($"{run.Case.Name}\n{run.Trace}{string.Join('\n', violations)}");
        return violations.Count == 0 ? 0 : 1;
    }

    private static async Task<int> RunAsync(int first, int runs)
    {
        var failed = 0;
        var (starts, crashes, lost, carried, resets, steps) = (0, 0, 0, 0, 0, 0);
        for (var seed = first; seed < first + runs; seed++)
        {
            var run = new SimulationRun(seed);
            var violations = await run.RunAsync();
            if (violations.Count > 0)
            {
                Console.WriteLine($"seed {seed}, {run.Case.Name}:\n{string.Join('\n', violations)}");
                if (++failed == MaxFailures)
                    return 1;
            }

            if (seed < first + Repeated)
            {
                var again = new SimulationRun(seed);
                await again.RunAsync();
                if (again.Trace != run.Trace)
                {
                    Console.WriteLine($"seed {seed} gives another run the second time");
                    return 1;
                }
            }

            (starts, crashes, lost) = (starts + run.Starts, crashes + run.Crashes, lost + run.Lost);
            (carried, resets, steps) = (carried + run.Remote.Carried, resets + run.Remote.Resets, steps + run.Trace.Count('\n'));
        }

        Console.WriteLine($"{runs} runs, {steps} steps: {starts} starts, {crashes} crashes, {lost} claims lost, {carried} collections sent by a successor, {resets} counters that began again");

        // Otherwise the runs have shown nothing.
        return failed == 0 && starts > 2 * runs && crashes > runs / 2 && lost > runs / 20 && carried > runs / 20 && resets > runs / 20 ? 0 : 1;
    }
}
