using System.Diagnostics;
using System.Text;
using OrleansTempo.Core;
using OrleansTempo.Core.Generator;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.RemoteWrite.Messages;

namespace OrleansTempo.Bench.Micro;

/// <summary>
/// <c>collection</c>: a real generator with 1,000,000 span metrics series on default buckets, all of them updated before each
/// collection. Measures the CPU time to collect, encode and compress, and the memory per series.
/// </summary>
internal static class Collection
{
    public const int Entities = 1_000_000 / SeriesPerEntity;

    private const int SeriesPerEntity = 19;
    private const int SpansPerBatch = 1000;

    public static void Print(TextWriter output)
    {
        var settings = new GeneratorSettings { SpanMetricsCount = true, SpanMetricsLatency = true, SpanMetricsSize = true };
        var generator = new TenantGenerator(TenantId.Single, settings, new TempoMetrics(), TimeProvider.System);
        Push(generator, Math.Min(SpansPerBatch, Entities));
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var seriesBefore = generator.ActiveSeries;
        Push(generator, Entities);
        var bytes = GC.GetTotalMemory(forceFullCollection: true) - before;
        output.WriteLine($"{generator.ActiveSeries:N0} active series, {bytes / (double)(generator.ActiveSeries - seriesBefore):F1} bytes each");

        using var process = Process.GetCurrentProcess();
        for (var round = 0; round < 5; round++)
        {
            Push(generator, Entities);
            process.Refresh();
            var cpu = process.TotalProcessorTime;
            using var encoder = new WriteRequestEncoder(new EncodingSettings(), TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds());
            generator.Collect(encoder);
            var requests = encoder.Finish();
            process.Refresh();
            output.WriteLine($"collection {round + 1}: {(process.TotalProcessorTime - cpu).TotalSeconds:F3} s CPU, {requests.Count:N0} requests, "
                + $"{requests.Sum(r => (long)r.Samples):N0} samples, {requests.Sum(r => (long)r.RawBytes) / 1e6:F1} MB raw, {requests.Sum(r => (long)r.Body.Length) / 1e6:F1} MB compressed");
        }
    }

    /// <summary>A span for each entity, starting with the first.</summary>
    public static void Push(TenantGenerator generator, int entities)
    {
        var memory = new RequestMemory(long.MaxValue);
        for (var first = 0; first < entities; first += SpansPerBatch)
        {
            var body = Request(first, Math.Min(SpansPerBatch, entities - first));
            if (!SpanBatch.TryRead(memory.Copy(body), 0, out var batch, out var error))
                throw new InvalidOperationException(error.ToString());
            generator.Push(batch);
            batch.Release();
        }
    }

    // One resource, and a span with its own name for each entity.
    private static byte[] Request(int first, int count)
    {
        var now = (ulong)(DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100;
        var resource = Field(1, Field(1, [.. Field(1, "service.name"u8), .. Field(2, Field(1, "checkout-service"u8))]));
        using var spans = new MemoryStream();
        for (var i = first; i < first + count; i++)
        {
            byte[] id = [.. BitConverter.GetBytes(i + 1), 0, 0, 0, 1];
            spans.Write(Field(2,
            [
                .. Field(1, [.. id, .. id]), .. Field(2, id), .. Field(5, Encoding.UTF8.GetBytes($"GET /orders/items/{i:D6}")), 0x30, 2,
                0x39, .. BitConverter.GetBytes(now - (ulong)(i % 1000 * 1_000_000)), 0x41, .. BitConverter.GetBytes(now),
            ]));
        }

        return Field(1, [.. resource, .. Field(2, spans.ToArray())]);
    }

    private static byte[] Field(int number, ReadOnlySpan<byte> content)
    {
        var bytes = new List<byte> { (byte)((number << 3) | 2) };
        var rest = (uint)content.Length;
        for (; rest >= 0x80; rest >>= 7)
            bytes.Add((byte)(rest | 0x80));
        bytes.Add((byte)rest);
        return [.. bytes, .. content];
    }
}
