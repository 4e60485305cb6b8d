using System.Diagnostics;
using System.Globalization;
using OrleansTempo.Bench.Load;
using OrleansTempo.Bench.Whole;
using OrleansTempo.Core.Tests.Cost;
using OrleansTempo.Integration.Harness;

namespace OrleansTempo.Bench.Attack;

/// <summary>
/// Measures what an attack costs a server: for each input, a fresh silo first receives ordinary requests and then the attack, until each
/// is processed, while another tenant pushes beside them.
/// </summary>
internal static class AttackBench
{
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(3);

    // The work is done when the server uses less than a tenth of a processor for a second; the other tenant uses two hundredths.
    private static readonly TimeSpan s_idlePeriod = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_idleCpu = TimeSpan.FromSeconds(0.1);

    // Only the attacked limits apply: requests refused by the rate limit cost almost nothing.
    private const string Settings = """
        multitenancy_enabled: true
        overrides:
          defaults:
            ingestion:
              rate_limit_bytes: 0
              burst_size_bytes: 0
              max_traces_per_user: 0
            metrics_generator:
              processors: [service-graphs, span-metrics]
        metrics_generator:
          processor:
            service_graphs:
              max_items: 1000000
        """;

    public static async Task<int> ExecuteAsync(IReadOnlyList<AttackInput> inputs, string? silo)
    {
        Console.WriteLine(MarkdownTable.Header(["input", "sent: answered", "CPU s", "of ordinary bytes", "peak RSS MB", "of ordinary bytes", "other tenant p50 / p99 ms", "beside ordinary bytes"]));
        foreach (var input in inputs)
            Console.WriteLine(MarkdownTable.Row(await MeasureAsync(input, silo is null ? null : Path.GetFullPath(silo))));
        return 0;
    }

    private static async Task<string[]> MeasureAsync(AttackInput input, string? silo)
    {
        using var http = new HttpClient(new SocketsHttpHandler { PooledConnectionLifetime = Timeout.InfiniteTimeSpan }) { Timeout = Timeout.InfiniteTimeSpan };
        await using var server = await ServerProcess.StartAsync(http, Settings, FreePorts.Next(), new Dictionary<string, string>(), silo);
        var target = new AttackTarget(server, http);
        await WarmUpAsync(target);
        var ordinary = input.Ordinary is { } send ? await MeasureAsync(target, async (t, c) => { await send(t, c); return ""; }) : null;
        var attack = await MeasureAsync(target, input.SendAsync);
        return [input.Name, attack.Said, attack.Cpu, ordinary?.Cpu ?? "", attack.Peak, ordinary?.Peak ?? "", attack.Latency, ordinary?.Latency ?? ""];
    }

    private static async Task WarmUpAsync(AttackTarget target)
    {
        await using var other = new OtherTenant(target);
        var started = Stopwatch.GetTimestamp();
        for (var i = 0; Stopwatch.GetElapsedTime(started) < s_warmUp; i++)
            await target.PushAllAsync([("ordinary", AttackBodies.Ordinary(100_000, -1_000_000 + (i * 1000)))], CancellationToken.None);
        await other.StopAsync();
        await WorkedOffAsync([target.Server.ProcessId], CancellationToken.None);
    }

    private static async Task<Measured> MeasureAsync(AttackTarget target, Func<AttackTarget, CancellationToken, Task<string>> send)
    {
        int[] process = [target.Server.ProcessId];
        ForgetPeak(target.Server.ProcessId);
        var cpu = ServerUsage.Cpu(process)!.Value;
        await using var other = new OtherTenant(target);
        using var patience = new CancellationTokenSource(s_longest);
        string said;
        var isOver = false;
        try
        {
            said = await send(target, patience.Token);
            await WorkedOffAsync(process, patience.Token);
        }
        catch (OperationCanceledException)
        {
            isOver = true;
            said = string.Create(CultureInfo.InvariantCulture, $"not worked off after {s_longest.TotalSeconds} s");
        }

        cpu = ServerUsage.Cpu(process)!.Value - cpu;
        var peak = ServerUsage.PeakMemoryBytes(process);
        var (p50, p99) = await other.StopAsync();
        return new Measured(
            said,
            string.Create(CultureInfo.InvariantCulture, $"{(isOver ? "over " : "")}{cpu.TotalSeconds:F1}"),
            string.Create(CultureInfo.InvariantCulture, $"{(peak ?? 0) / 1e6:F0}"),
            string.Create(CultureInfo.InvariantCulture, $"{p50:F1} / {p99:F0}"));
    }

    private static async Task WorkedOffAsync(int[] process, CancellationToken cancellation)
    {
        TimeSpan before, after = ServerUsage.Cpu(process)!.Value;
        do
        {
            before = after;
            await Task.Delay(s_idlePeriod, cancellation);
            after = ServerUsage.Cpu(process)!.Value;
        }
        while (after - before > s_idleCpu);
    }

    // Resets the peak that Linux records.
    private static void ForgetPeak(int processId)
    {
        if (File.Exists($"/proc/{processId}/clear_refs"))
            File.WriteAllText($"/proc/{processId}/clear_refs", "5");
    }

    private sealed record Measured(string Said, string Cpu, string Peak, string Latency);
}
