using System.Globalization;
using System.Net;
using OrleansTempo.Bench.Load;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Integration.Harness;

namespace OrleansTempo.Bench.Whole;

/// <summary>
/// Lets a server write everything it was sent into blocks, and compares what is stored then with what it acknowledged: every span
/// is in a block, sampled traces are found as they were sent, and the write-ahead log is released.
/// </summary>
internal sealed class StorageCheck(HttpClient http, Servers servers)
{
    private TimeSpan _cpu;
    private StoredBlocks _stored;
    private double _logBytes;
    private long _spansAccepted;

    public static IReadOnlyList<string> Columns { get; } =
        ["spans per CPU s, start to last block", "blocks", "merged", "bytes on disk per span", "WAL bytes per span"];

    public IReadOnlyList<string> Cells =>
    [
        Text($"{_spansAccepted / _cpu.TotalSeconds:N0}"),
        Text($"{_stored.Blocks}"),
        Text($"{_stored.MergedBlocks}"),
        Text($"{(double)_stored.Bytes / _spansAccepted:F1}"),
        Text($"{_logBytes / _spansAccepted:F1}"),
    ];

    /// <summary>Cuts all live traces into blocks, and waits until they are written.</summary>
    public async Task FlushAsync()
    {
        foreach (var server in servers.All)
        {
            using var answer = await http.PostAsync(server.Api("/flush"), null);
            if (answer.StatusCode != HttpStatusCode.NoContent)
                throw new IOException($"/flush answered {(int)answer.StatusCode}: {await answer.Content.ReadAsStringAsync()}\n{server.Output}");
        }

        _cpu = ServerUsage.Cpu(servers.ProcessIds) ?? throw new InvalidOperationException("there is no server");
    }

    /// <summary>Checks what is stored; must be called after <see cref="FlushAsync"/>.</summary>
    /// <param name="sent">What was sent and acknowledged.</param>
    /// <returns>The problems found.</returns>
    public async Task<List<string>> CompareAsync(LoadResult sent)
    {
        _spansAccepted = sent.SpansAccepted;
        _logBytes = await servers.OwnAsync(http, "tempo_ingester_wal_bytes_written_total");
        var complaints = new List<string>();

        // Between the completion of a merged block and the marking of its inputs, their spans exist twice.
        if (!await Patience.HoldsAsync(() => Task.FromResult(HasAllSpans())))
            complaints.Add($"{_stored.Spans} spans in {_stored.Blocks} blocks of {sent.SpansAccepted} accepted");

        var lost = 0;
        foreach (var trace in sent.SampledTraces)
        {
            var found = await CountFoundAsync(trace);
            if (found < trace.SpanCount && lost++ == 0)
                complaints.Add($"trace {trace.TraceId}: {found} of {trace.SpanCount} spans are found as they were sent");
        }

        if (lost > 0)
            complaints.Add($"{lost} of {sent.SampledTraces.Count} sampled traces are not found as they were sent");
        if (sent.SampledTraces.Count == 0)
            complaints.Add("no trace was sampled: send for longer");

        // Each server keeps the segment being written, or, in the object store, the one that shows where the next one goes.
        double segments = 0;
        if (!await Patience.HoldsAsync(async () => (segments = await servers.OwnAsync(http, "tempo_ingester_wal_segments")) <= servers.All.Count))
            complaints.Add($"{segments} segments of the write-ahead log are kept though all is in blocks");
        return complaints;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private bool HasAllSpans()
    {
        try
        {
            _stored = StoredBlocks.Read(servers.First.Store);
            return _stored.Spans == _spansAccepted;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private async Task<int> CountFoundAsync(SampledTrace trace)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, servers.First.Api($"/api/traces/{trace.TraceId}"));
        request.Headers.Accept.ParseAdd("application/protobuf");
        using var answer = await http.SendAsync(request);
        return answer.StatusCode == HttpStatusCode.OK ? trace.CountIn(await answer.Content.ReadAsByteArrayAsync()) : 0;
    }
}
