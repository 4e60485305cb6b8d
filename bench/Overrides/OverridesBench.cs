using System.Diagnostics;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Core;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Configuration.Overrides;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Integration.Harness;
using OrleansTempo.Server.Configuration.Tenants;

namespace OrleansTempo.Bench.Overrides;

/// <summary>
/// Writes a file with the overrides of many tenants, and measures reloading it: unchanged, with one tenant changed, and with every
/// tenant changed; and then how long it takes until the generators of all tenants know whether the change affects them.
/// </summary>
internal sealed class OverridesBench
{
    private const int Rounds = 5;

    private readonly string _path;
    private readonly FileOverrides _overrides;
    private readonly MetricsGeneratorOptions _generator = new();
    private readonly (TenantId Tenant, TenantOverrides Overrides, GeneratorSettings Settings)[] _open;
    private int _changes;

    private OverridesBench(string path, int tenants, TempoMetrics metrics)
    {
        _path = path;
        Write(tenants, 0, everywhere: false);
        var opened = FileOverrides.Open(
            new OverridesOptions { PerTenantOverrideConfig = path, PerTenantOverridePeriod = Timeout.InfiniteTimeSpan }, _generator, new Dictionary<string, string>(), metrics, TimeProvider.System, NullLogger<FileOverrides>.Instance);
        _overrides = opened.Value ?? throw new ArgumentException(string.Join('\n', opened.Errors));
        _open = [.. Enumerable.Range(0, tenants).Select(i => Open(Name(i)))];
    }

    /// <returns>0; this measurement cannot fail.</returns>
    public static int Execute(int tenants)
    {
        using var folder = new TemporaryFolder();
        using var metrics = new TempoMetrics();
        var bench = new OverridesBench(Path.Combine(folder.Path, "overrides.yaml"), tenants, metrics);
        Console.WriteLine($"{tenants} tenants, {new FileInfo(bench._path).Length / 1024} KiB, {File.ReadLines(bench._path).Count()} lines; medians of {Rounds}");
        Console.WriteLine(MarkdownTable.Header(["file", "reading CPU ms", "wall ms", "MB allocated", "open tenants CPU ms", "settings changed"]));
        bench.Measure("unchanged", static _ => { });
        bench.Measure("one tenant changed", b => b.Write(tenants, ++b._changes, everywhere: false));
        bench.Measure("every tenant changed", b => b.Write(tenants, ++b._changes, everywhere: true));
        return 0;
    }

    private void Measure(string name, Action<OverridesBench> change)
    {
        List<(double Cpu, double Wall, double Megabytes, double Settling, int Changed)> rounds = [];
        for (var round = 0; round <= Rounds; round++)
        {
            change(this);
            GC.Collect();
            var (cpu, wall, bytes) = (Cpu(), Stopwatch.GetTimestamp(), GC.GetTotalAllocatedBytes(precise: true));
            _overrides.Reload();
            var (read, elapsed, allocated) = (Cpu(), Stopwatch.GetElapsedTime(wall), GC.GetTotalAllocatedBytes(precise: true) - bytes);
            var changed = Settle();

            // The first run warms up the JIT.
            if (round > 0)
                rounds.Add(((read - cpu).TotalMilliseconds, elapsed.TotalMilliseconds, allocated / 1e6, (Cpu() - read).TotalMilliseconds, changed));
        }

        Console.WriteLine(MarkdownTable.Row(
        [
            name, Median(rounds.Select(r => r.Cpu)), Median(rounds.Select(r => r.Wall)), Median(rounds.Select(r => r.Megabytes)), Median(rounds.Select(r => r.Settling)),
            Median(rounds.Select(r => (double)r.Changed)),
        ]));
    }

    // The check that every tenant's generator makes before it collects.
    private int Settle()
    {
        var changed = 0;
        for (var i = 0; i < _open.Length; i++)
        {
            var (tenant, former, settings) = _open[i];
            var overrides = _overrides.For(tenant);
            if (ReferenceEquals(overrides, former))
                continue;
            var now = GeneratorSettings.Resolve(_generator, overrides);
            if (!now.Equals(settings))
                changed++;
            _open[i] = (tenant, overrides, now);
        }

        return changed;
    }

    private (TenantId Tenant, TenantOverrides Overrides, GeneratorSettings Settings) Open(string name)
    {
        if (!TenantId.TryParse(name, out var tenant, out var error))
            throw new ArgumentException(error);
        var overrides = _overrides.For(tenant);
        return (tenant, overrides, GeneratorSettings.Resolve(_generator, overrides));
    }

    private void Write(int tenants, int change, bool everywhere)
    {
        var text = new StringBuilder("# Written by the bench.\noverrides:\n");
        for (var i = 0; i < tenants; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"""
                  {Name(i)}:
                    ingestion:
                      rate_limit_bytes: 20000000
                      burst_size_bytes: 25000000
                      max_traces_per_user: {50000 + i}
                    global:
                      max_bytes_per_trace: 7000000
                    metrics_generator:
                      processors: [service-graphs, span-metrics]
                      max_active_series: {(i == 0 || everywhere ? 100_000 + change : 100_000)}
                      collection_interval: 30s
                      processor:
                        span_metrics:
                          dimensions: [http.method, http.status_code]

                """);
        }

        File.WriteAllText(_path, text.ToString());
    }

    private static string Name(int tenant) => tenant.ToString("'tenant-'00000", CultureInfo.InvariantCulture);

    private static TimeSpan Cpu()
    {
        using var process = Process.GetCurrentProcess();
        return process.TotalProcessorTime;
    }

    private static string Median(IEnumerable<double> values) => values.Order().ElementAt(Rounds / 2).ToString("0.#", CultureInfo.InvariantCulture);
}
