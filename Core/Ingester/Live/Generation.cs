using System.Runtime.CompilerServices;
using OrleansTempo.Core.Blocks.Format.Pages;
using OrleansTempo.Core.Otlp;

namespace OrleansTempo.Core.Ingester.Live;

/// <summary>What a partition holds from one block to the next: its traces, their spans as rows, and the values that the spans share.</summary>
internal sealed class Generation : IDisposable
{
    public TraceTable Traces { get; } = new();

    public SpanDictionary Dictionary { get; } = new();

    public RowArena Rows { get; } = new();

    /// <summary>How many different values each key has had, indexed by the key's number in <see cref="SpanDictionary.Keys"/>.</summary>
    public List<int> ValuesOfKey { get; } = [];

    /// <summary>The shape of the latest span of each name, indexed by the name's number in <see cref="SpanDictionary.Texts"/>; -1 for none.</summary>
    public int[] LatestShapes { get; private set; } = [];

    public int Spans { get; set; }

    /// <summary>The earliest segment of the write-ahead log that holds a span of the generation.</summary>
    public long OldestSegment { get; set; } = long.MaxValue;

    public long MemoryBytes => Rows.MemoryBytes + Dictionary.MemoryBytes + Traces.MemoryBytes;

    /// <summary>Adds the spans of a trace held here, cut or not.</summary>
    public void Find(TraceId id, TraceSpans into)
    {
        ref readonly var trace = ref Traces.Find(id);
        if (Unsafe.IsNullRef(in trace))
            return;
        var restorer = new SpanRestorer(Dictionary);
        for (var reference = trace.LastRow; reference != 0;)
        {
            ref readonly var row = ref Rows.Read(reference, out var inline, out var other);
            into.Add(restorer.Restore(id, row, inline, other));
            reference = row.Previous;
        }

        into.InspectedBytes += trace.Bytes;
    }

    public void ExtendLatestShapes(int text)
    {
        var former = LatestShapes;
        LatestShapes = new int[Math.Max(text + 1, Math.Max(16, former.Length * 2))];
        LatestShapes.AsSpan().Fill(-1);
        former.CopyTo(LatestShapes, 0);
    }

    /// <summary>Gives every key a count after keys were copied from another generation, where they had used up all the values that are shared.</summary>
    public void CountValuesOfKeys()
    {
        while (ValuesOfKey.Count < Dictionary.Keys.Count)
            ValuesOfKey.Add(int.MaxValue);
    }

    public void Dispose()
    {
        Rows.Dispose();
        Traces.Dispose();
    }
}
