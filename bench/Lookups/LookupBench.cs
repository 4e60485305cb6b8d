using System.Diagnostics;
using System.Globalization;
using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Bench.Load;
using OrleansTempo.Bench.Payload;
using OrleansTempo.Bench.Whole;
using OrleansTempo.Core;
using OrleansTempo.Core.Blocks.Format;
using OrleansTempo.Core.Blocks.List;
using OrleansTempo.Core.Objects;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Querier.Traces;
using OrleansTempo.Integration.Harness;

namespace OrleansTempo.Bench.Lookups;

/// <summary>
/// Writes many blocks into a folder and looks up traces in them, one after another: in this process with the querier's own code,
/// and over HTTP from a silo on the same folder.
/// </summary>
internal sealed class LookupBench
{
    // Compaction would merge the many blocks into a few.
    private const string Settings = """
        compactor:
          disabled: true
        storage:
          trace:
            local:
              path: '{0}'
        """;

    private readonly int _lookups;
    private readonly Dictionary<TraceId, int> _traces = [];
    private readonly List<string> _complaints = [];
    private readonly Random _random = new(1);
    private TraceId[] _existing = [];

    private LookupBench(int lookups) => _lookups = lookups;

    /// <returns>0 if every trace was found completely and no other was found, 1 otherwise.</returns>
    public static Task<int> ExecuteAsync(int blocks, int spansPerBlock, int lookups, string payload) =>
        new LookupBench(lookups).ExecuteAsync(blocks, spansPerBlock, payload);

    private async Task<int> ExecuteAsync(int blocks, int spansPerBlock, string payload)
    {
        using var folder = new TemporaryFolder();
        using (var files = new FileObjectStore(folder.Path, TimeProvider.System, NullLogger.Instance))
        {
            await WriteBlocksAsync(files, blocks, spansPerBlock, payload);
            Console.WriteLine(MarkdownTable.Header(["look-ups", "of", "p50 µs", "p90 µs", "p99 µs", "max µs", "pages read per look-up", "KB read per look-up", "Bloom filters asked per look-up"]));
            await MeasureHereAsync(files);
        }

        await MeasureHttpAsync(folder.Path);
        Console.WriteLine();
        foreach (var complaint in _complaints)
            Console.WriteLine(complaint);
        if (_complaints.Count == 0)
            Console.WriteLine("every trace was found with all its spans, and no absent one was");
        return _complaints.Count == 0 ? 0 : 1;
    }

    private async Task WriteBlocksAsync(FileObjectStore files, int blocks, int spansPerBlock, string payload)
    {
        var source = new PayloadBlocks(PayloadBatch.ReadFolder(payload), files);
        long spans = 0, bytes = 0;
        for (var i = 0; i < blocks; i++)
        {
            var block = await source.WriteAsync(spansPerBlock, _traces);
            spans += block.Spans;
            bytes += block.SizeBytes;
        }

        _existing = [.. _traces.Keys];
        Console.WriteLine(Text($"{blocks} blocks of {spans / blocks} spans and {_existing.Length / blocks} traces, {bytes >> 20} MB of data in all, {(double)bytes / spans:F1} bytes a span\n"));
    }

    private async Task MeasureHereAsync(FileObjectStore files)
    {
        var store = new CountingStore(files);
        var list = new BlockList(store, new TempoMetrics(), TimeProvider.System, NullLogger.Instance);
        if (!await list.PollAsync())
            _complaints.Add("the blocks could not be listed");
        var query = new TraceQuery([new BlockTraces(list, new BlockReader(store))]);
        await MeasureAsync("in this process", store, list.Blocks(TenantId.Single).Count, async trace =>
            (await query.FindAsync(TenantId.Single, trace, TraceRange.Everything, CancellationToken.None)).Spans.Spans.Count);
    }

    private async Task MeasureHttpAsync(string folder)
    {
        using var http = new HttpClient();
        http.DefaultRequestHeaders.Accept.ParseAdd("application/protobuf");
        await using var server = await ServerProcess.StartAsync(http, string.Format(CultureInfo.InvariantCulture, Settings, folder), FreePorts.Next(), new Dictionary<string, string>());
        await MeasureAsync("HTTP", null, null, async trace =>
        {
            using var answer = await http.GetAsync(server.Api($"/api/traces/{trace}"));
            var body = await answer.Content.ReadAsByteArrayAsync();
            return answer.StatusCode switch
            {
                HttpStatusCode.OK => SpansIn(body),
                HttpStatusCode.NotFound => 0,
                _ => throw new IOException($"/api/traces/{trace} answered {(int)answer.StatusCode}: {server.Output}"),
            };
        });
        if (await server.TerminateAsync() is not 0 and var exitCode)
            _complaints.Add($"the silo exited with {exitCode}:\n{server.Output}");
    }

    private async Task MeasureAsync(string where, CountingStore? store, int? blocks, Func<TraceId, Task<int>> spansOf)
    {
        // The first lookup reads every footer. The following ones give the JIT time to settle.
        var first = await TimesAsync(spansOf, 1, Existing);
        await TimesAsync(spansOf, Math.Max(2000, _lookups / 5), Existing);
        await TimesAsync(spansOf, Math.Max(2000, _lookups / 5), Absent);
        foreach (var (name, next) in ((string, Func<TraceId>)[])[("existing traces", Existing), ("absent traces", Absent)])
        {
            var (reads, bytes) = (store?.Reads, store?.BytesRead);
            var times = await TimesAsync(spansOf, _lookups, next);
            Array.Sort(times);
            Console.WriteLine(MarkdownTable.Row(
            [
                where,
                name,
                Text($"{times[times.Length / 2]:F0}"),
                Text($"{times[times.Length * 9 / 10]:F0}"),
                Text($"{times[times.Length * 99 / 100]:F0}"),
                Text($"{times[^1]:F0}"),
                Text($"{(store?.Reads - reads) / (double)_lookups:F2}"),
                Text($"{(store?.BytesRead - bytes) / 1024.0 / _lookups:F1}"),
                Text($"{blocks}"),
            ]));
        }

        Console.WriteLine(MarkdownTable.Row([where, "the first of all", Text($"{first[0]:F0}"), "", "", "", "", "", ""]));
    }

    private async Task<double[]> TimesAsync(Func<TraceId, Task<int>> spansOf, int count, Func<TraceId> next)
    {
        var times = new double[count];
        for (var i = 0; i < count; i++)
        {
            var trace = next();
            var started = Stopwatch.GetTimestamp();
            var spans = await spansOf(trace);
            times[i] = Stopwatch.GetElapsedTime(started).TotalMicroseconds;
            if (spans != _traces.GetValueOrDefault(trace))
                _complaints.Add($"trace {trace}: {spans} spans found of {_traces.GetValueOrDefault(trace)}");
        }

        return times;
    }

    private TraceId Existing() => _existing[_random.Next(_existing.Length)];

    private TraceId Absent() => new((ulong)_random.NextInt64(), (ulong)_random.NextInt64());

    private static int SpansIn(byte[] trace) =>
        (from resource in ProtobufField.ReadAll(trace, 0, trace.Length)
         from scope in ProtobufField.ReadAll(trace, resource.Content, resource.End)
         where scope.Number == 2
         from span in ProtobufField.ReadAll(trace, scope.Content, scope.End)
         where span.Number == 2
         select span).Count();

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
