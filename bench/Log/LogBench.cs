using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Bench.Load;
using OrleansTempo.Core;
using OrleansTempo.Core.Configuration.Storage;
using OrleansTempo.Core.Ingester.Log;
using OrleansTempo.Core.Objects;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Harness.Fakes;

namespace OrleansTempo.Bench.Log;

/// <summary>
/// The write-ahead log in an object store by itself: callers that each append a request, wait until it is in the log, and append the next. The store is a
/// directory, or one in memory that takes a given time for a put.
/// </summary>
internal static class LogBench
{
    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(1);

    /// <param name="callers">How many callers, a row each.</param>
    /// <param name="latencies">What a put takes, a row each; zero for a directory in the system's temporary folder.</param>
    /// <param name="spansPerRequest">The size of a request.</param>
    /// <param name="seconds">What is measured of each row.</param>
    /// <param name="payload">A folder of requests.</param>
    public static async Task<int> ExecuteAsync(IReadOnlyList<int> callers, IReadOnlyList<TimeSpan> latencies, int spansPerRequest, int seconds, string payload)
    {
        var request = PayloadTemplate.ReadFolder(payload, spansPerRequest)[0].Bytes;
        Console.WriteLine(MarkdownTable.Header(["store", "callers", "requests/s", "each caller's", "p50 ms", "p99 ms", "puts/s", "objects left"]));
        foreach (var latency in latencies)
        {
            foreach (var count in callers)
                Console.WriteLine(MarkdownTable.Row(await MeasureAsync(count, latency, request, TimeSpan.FromSeconds(seconds))));
        }

        return 0;
    }

    private static async Task<string[]> MeasureAsync(int callers, TimeSpan latency, byte[] request, TimeSpan measured)
    {
        using var folder = new TemporaryFolder();
        using var directory = latency == TimeSpan.Zero ? new FileObjectStore(folder.Path, TimeProvider.System, NullLogger.Instance) : null;
        IObjectStore store = directory is not null
            ? directory
            : new InMemoryObjectStore { Before = (operation, _) => operation == "PutIfAbsent" ? Task.Delay(latency) : Task.CompletedTask };
        using var metrics = new TempoMetrics();
        await using var log = await ObjectWriteAheadLog.OpenAsync(
            store, new WalOptions { Type = WalType.Object }, WalIdentity.None(NullLogger.Instance), metrics, TimeProvider.System, NullLogger.Instance);
        await AppendAsync(log, callers, request, s_warmUp);
        var (first, began) = (log.CurrentSegment, Stopwatch.GetTimestamp());
        var waited = await AppendAsync(log, callers, request, measured);
        var took = Stopwatch.GetElapsedTime(began).TotalSeconds;
        var puts = log.CurrentSegment - first;
        var left = 0;
        await foreach (var _ in store.ListAsync("wal/"))
            left++;
        waited.Sort();
        return
        [
            directory is not null ? "a directory" : string.Create(CultureInfo.InvariantCulture, $"{latency.TotalMilliseconds:F0} ms a put"),
            callers.ToString(CultureInfo.InvariantCulture),
            Number(waited.Count / took, "N0"),
            Number(waited.Count / took / callers, "N1"),
            Number(waited[waited.Count / 2], "N1"),
            Number(waited[waited.Count * 99 / 100], "N1"),
            Number(puts / took, "N0"),
            left.ToString(CultureInfo.InvariantCulture),
        ];
    }

    // How long each append waited, in milliseconds.
    private static async Task<List<double>> AppendAsync(ObjectWriteAheadLog log, int callers, byte[] request, TimeSpan time)
    {
        var began = Stopwatch.GetTimestamp();
        var waited = await Task.WhenAll(Enumerable.Range(0, callers).Select(_ => Task.Run(async () =>
        {
            var each = new List<double>();
            while (Stopwatch.GetElapsedTime(began) < time)
            {
                var start = Stopwatch.GetTimestamp();
                await log.AppendAsync(TenantId.Single, request);
                each.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }

            return each;
        })));
        return [.. waited.SelectMany(static each => each)];
    }

    private static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
