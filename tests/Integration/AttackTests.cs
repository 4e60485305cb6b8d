using System.Diagnostics;
using OrleansTempo.Core;

namespace OrleansTempo.Integration;

/// <summary>
/// Small requests that are made to cost much, sent to a real process: each costs about what ordinary bytes of the same length do, and another tenant that
/// pushes beside them hardly waits. The bounds are wide, for the machine is shared; what they hold off took minutes and gigabytes. <c>bench attack</c> says how much it is.
/// </summary>
public sealed class AttackTests
{
    private const int Largest = 20_000_000;

    private static readonly TimeSpan s_moreCpu = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_longestWait = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan s_workedOff = TimeSpan.FromMilliseconds(500);

    [Fact]
    public async Task An_attack_costs_what_ordinary_bytes_cost_and_nobody_else_waits_for_it()
    {
        await using var silo = await SiloProcess.StartAsync(new() { Test = "attack", Multitenancy = true });
        await silo.Sender.PushAsync(AttackBodies.Ordinary(Largest - 300), "ordinary");
        var (ordinaryCpu, _, _) = await MeasureAsync(silo, "ordinary", [AttackBodies.Ordinary(Largest - 300, 1_000_000)]);
        var ordinaryPeak = PeakMemory(silo);
        foreach (var (name, requests, code) in Attacks())
        {
            var (cpu, slowest, answers) = await MeasureAsync(silo, "attacker", requests);

            Assert.True(answers.All(answer => answer.Code == code), $"{name}: {string.Join(", ", answers.Distinct())}");
            if (code == 413)
                Assert.All(answers, answer => Assert.Contains("most of them are empty", answer.Message));
            var share = (double)requests.Sum(static r => r.Length) / Largest;
            Assert.True(cpu < (ordinaryCpu * share * 3) + s_moreCpu, $"{name}: {cpu.TotalSeconds:F1} CPU seconds, of which ordinary bytes take {ordinaryCpu.TotalSeconds * share:F1}");
            Assert.True(slowest < s_longestWait, $"{name}: another tenant waited {slowest.TotalSeconds:F1} s");
        }

        var peak = PeakMemory(silo);
        Assert.True(peak < ordinaryPeak + 400_000_000, $"the process had {peak / 1e6:F0} MB, and {ordinaryPeak / 1e6:F0} MB with ordinary requests");
        using var found = await silo.GetAsync($"/api/traces/{new TraceId(1, 1)}", "attacker");
        Assert.True(found.IsSuccessStatusCode);
        Assert.Contains((await silo.OwnMetricsAsync()).Keys, static key => key.StartsWith("tempo_discarded_spans_total", StringComparison.Ordinal) && key.Contains("request_too_large") && key.Contains("attacker"));
        Assert.Equal(0, await silo.TerminateAsync());
    }

    private static IEnumerable<(string Name, byte[][] Requests, int Code)> Attacks()
    {
        yield return ("80 KB of attributes without a key", [AttackBodies.KeylessAttributes(40_000)], 200);
        yield return ("4 MB of them", [AttackBodies.KeylessAttributes(2_000_000)], 413);
        yield return ("a resource in 13,000 parts", [AttackBodies.RepeatedResource(13_000)], 200);
        yield return ("empty spans", [AttackBodies.EmptySpans((Largest - 20) / 2)], 413);
        yield return ("empty scopes", [AttackBodies.EmptyScopes((Largest - 20) / 2)], 413);
        yield return ("empty resources", [AttackBodies.EmptyResources((Largest - 20) / 2)], 413);
        yield return ("colliding trace IDs", [.. Enumerable.Range(0, 10).Select(static i => AttackBodies.CollidingTraces(10_000, 1 + (i * 10_000)))], 200);
        yield return ("span IDs that .NET hashes alike", [AttackBodies.OneTrace(80_000, static i => (i << 32) | i)], 200);
    }

    private static async Task<(TimeSpan Cpu, TimeSpan Slowest, OtlpAnswer[] Answers)> MeasureAsync(SiloProcess silo, string tenant, byte[][] requests)
    {
        using var stop = new CancellationTokenSource();
        var other = SlowestPushAsync(silo, stop.Token);
        var before = Cpu(silo);
        var answers = new List<OtlpAnswer>();
        foreach (var request in requests)
            answers.Add(await silo.Sender.PushAsync(request, tenant));
        await Task.Delay(s_workedOff);
        var cpu = Cpu(silo) - before;
        await stop.CancelAsync();
        return (cpu, await other, [.. answers]);
    }

    private static async Task<TimeSpan> SlowestPushAsync(SiloProcess silo, CancellationToken stop)
    {
        var slowest = TimeSpan.Zero;
        while (!stop.IsCancellationRequested)
        {
            var started = Stopwatch.GetTimestamp();
            Assert.Equal(200, (await silo.Sender.PushAsync(AttackBodies.Ordinary(1000, Random.Shared.Next()), "other", CancellationToken.None)).Code);
            var elapsed = Stopwatch.GetElapsedTime(started);
            slowest = elapsed > slowest ? elapsed : slowest;
            await Task.Delay(20, CancellationToken.None);
        }

        return slowest;
    }

    private static TimeSpan Cpu(SiloProcess silo)
    {
        using var process = Process.GetProcessById(silo.ProcessId);
        return process.TotalProcessorTime;
    }

    private static long PeakMemory(SiloProcess silo)
    {
        using var process = Process.GetProcessById(silo.ProcessId);
        return process.PeakWorkingSet64;
    }
}
