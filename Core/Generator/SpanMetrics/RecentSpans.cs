using System.Buffers.Binary;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Generator.SpanMetrics;

/// <summary>
/// Remembers the spans of the last <c>dedupe_window</c>, so that a span that a client sends again is counted once. As in the trace
/// store, spans with the same trace ID, span ID and kind are one span. Each is kept as a 64-bit fingerprint in one of two tables:
/// <code>
///           window │ window │ window
///   current ───────┤        │            a span is looked up in both, and then entered into the current one
///          └► former ───────┤            so it is known for at least one window, and at most two
///                  current ─┴► former …
/// </code>
/// With n known spans, a new span is mistaken for one of them with a probability of n in 2^64: with a million, once in 18 trillion
/// spans. The key of the fingerprint is random, so no client can provoke that.
/// </summary>
internal sealed class RecentSpans
{
    private const int SmallestTable = 1024;

    private ulong[] _current = new ulong[SmallestTable];
    private ulong[] _former = new ulong[SmallestTable];
    private int _count;
    private int _formerCount;
    private long _currentSinceMs;

    /// <summary>The minimum time that a span is known, in milliseconds.</summary>
    public required long WindowMs { get; set; }

    /// <summary>The maximum number of known spans, half of them in each table.</summary>
    public required int Max { get; set; }

    /// <summary>The number of spans forgotten too early because there were too many.</summary>
    public long Forgotten { get; private set; }

    /// <summary>Keeps only those of the given spans that have not come before, in their order.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="positions">Positions in <see cref="SpanBatch.Spans"/>; the kept ones are moved to the front.</param>
    /// <param name="nowMs">Steady milliseconds, see <see cref="SteadyClock"/>.</param>
    /// <returns>The number of positions kept.</returns>
    public int KeepNew(SpanBatch batch, Span<int> positions, long nowMs)
    {
        if (nowMs - _currentSinceMs >= WindowMs)
            Turn(nowMs, isDue: true);
        var bytes = batch.Bytes;
        var spans = batch.Spans;
        var kept = 0;
        foreach (var position in positions)
        {
            ref readonly var span = ref spans[position];
            if (span.TraceId.Length != TraceId.Length || span.SpanId.Length != sizeof(ulong) || IsNew(Fingerprint(bytes, span), nowMs))
                positions[kept++] = position;
        }

        return kept;
    }

    private bool IsNew(ulong fingerprint, long nowMs)
    {
        var place = Find(_current, fingerprint);
        if (_current[place] != 0)
            return false;
        var isNew = _formerCount == 0 || _former[Find(_former, fingerprint)] == 0;
        if (_count >= Math.Max(Max / 2, 1))
        {
            Turn(nowMs, isDue: false);
            place = Find(_current, fingerprint);
        }
        else if ((_count + 1) * 4L > _current.Length * 3L)
        {
            _current = Grown(_current);
            place = Find(_current, fingerprint);
        }

        _current[place] = fingerprint;
        _count++;
        return isNew;
    }

    // Drops the older table, and the other one too if it is long overdue.
    private void Turn(long nowMs, bool isDue)
    {
        if (!isDue)
            Forgotten += _formerCount;
        var isOver = isDue && nowMs - _currentSinceMs >= 2 * WindowMs;
        (_former, _formerCount) = isOver ? (new ulong[SmallestTable], 0) : (_current, _count);

        // Sized for what the previous table held, so that memory from a peak is given back.
        var size = SmallestTable;
        while (size * 3L < _formerCount * 4L)
            size *= 2;
        (_current, _count) = (new ulong[size], 0);
        _currentSinceMs = nowMs;
    }

    private static ulong Fingerprint(ReadOnlySpan<byte> bytes, in SpanRecord span)
    {
        var trace = TraceId.Read(bytes.Slice(span.TraceId.Offset, TraceId.Length));
        var spanId = BinaryPrimitives.ReadUInt64BigEndian(bytes.Slice(span.SpanId.Offset, sizeof(ulong)));

        // 0 marks an empty place.
        return Utf8Hash.Of(trace.High, trace.Low, spanId, (ulong)span.Kind) is var fingerprint and not 0 ? fingerprint : 1;
    }

    // The place where the fingerprint is or would be; a table is never full.
    private static int Find(ulong[] table, ulong fingerprint)
    {
        var mask = table.Length - 1;
        var i = (int)fingerprint & mask;
        while (table[i] != 0 && table[i] != fingerprint)
            i = (i + 1) & mask;
        return i;
    }

    private static ulong[] Grown(ulong[] table)
    {
        var grown = new ulong[table.Length * 2];
        foreach (var fingerprint in table)
        {
            if (fingerprint != 0)
                grown[Find(grown, fingerprint)] = fingerprint;
        }

        return grown;
    }
}
