using System.Buffers;
using System.Diagnostics;
using OrleansTempo.Core;
using OrleansTempo.Core.Generator;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.Overrides;

namespace OrleansTempo.Bench.Micro;

/// <summary><c>snapshot</c>: the CPU time to hand the 1,000,000 series of <see cref="Collection"/> to another generator, and the size of the snapshot.</summary>
internal static class Snapshot
{
    public static void Print(TextWriter output)
    {
        var settings = new GeneratorSettings { SpanMetricsCount = true, SpanMetricsLatency = true, SpanMetricsSize = true };
        var former = new TenantGenerator(TenantId.Single, settings, new TempoMetrics(), TimeProvider.System);
        Collection.Push(former, Collection.Entities);
        for (var round = 1; round <= 3; round++)
        {
            var bytes = new ArrayBufferWriter<byte>();
            var next = new TenantGenerator(TenantId.Single, settings, new TempoMetrics(), TimeProvider.System);
            var start = Cpu();
            former.WriteSnapshot(bytes);
            var written = Cpu();
            if (!next.TryRestore(bytes.WrittenSpan, out var reason))
                throw new InvalidOperationException(reason);
            var restored = Cpu();
            output.WriteLine($"hand-over {round}: {next.ActiveSeries:N0} series, {bytes.WrittenCount / (double)next.ActiveSeries:F1} bytes each, "
                + $"written in {(written - start).TotalSeconds:F3} s CPU, restored in {(restored - written).TotalSeconds:F3}");
        }

        PrintChanges(output, former);
    }

    // The record that snapshot: every_collection writes if one series in a hundred has changed.
    private static void PrintChanges(TextWriter output, TenantGenerator generator)
    {
        var whole = new ArrayBufferWriter<byte>();
        generator.Collect(new Nobody());
        generator.WriteSnapshot(whole);
        for (var round = 1; round <= 3; round++)
        {
            // Not within the millisecond of the last collection, or everything would be written again.
            Thread.Sleep(10);
            Collection.Push(generator, Collection.Entities / 100);
            generator.Collect(new Nobody());
            var changes = new ArrayBufferWriter<byte>();
            var start = Cpu();
            if (!generator.TryWriteChanges(changes))
                throw new InvalidOperationException("The changes cannot be told.");
            output.WriteLine($"changes {round}: 1 % of the series, {changes.WrittenCount / (double)whole.WrittenCount:P2} of the snapshot's {whole.WrittenCount / 1e6:F1} MB, "
                + $"written in {(Cpu() - start).TotalSeconds:F3} s CPU");
        }
    }

    private sealed class Nobody : ISeriesVisitor
    {
        public void Visit(in SeriesPoint point)
        {
        }
    }

    private static TimeSpan Cpu()
    {
        using var process = Process.GetCurrentProcess();
        return process.TotalProcessorTime;
    }
}
