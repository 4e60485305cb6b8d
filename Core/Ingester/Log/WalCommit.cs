using System.Runtime.InteropServices;

namespace OrleansTempo.Core.Ingester.Log;

/// <summary>
/// The records of one write: headers and small requests are copied into one buffer, large requests stay where they are and are referenced between its
/// pieces. Reused for every write.
/// </summary>
internal sealed class WalCommit
{
    private const int MaxBytes = 4 << 20;

    // The most that the operating systems take in one call.
    private const int MaxParts = 1024;

    // Pinning and referencing a request costs as much as copying this many bytes.
    private const int CopiedBytes = 8 << 10;

    private readonly List<PendingWalRecord> _records = [];
    private readonly byte[] _staging = new byte[1 << 20];
    private readonly List<ReadOnlyMemory<byte>> _parts = [];
    private int _staged = WalFormat.SegmentHeaderBytes;
    private int _named;

    public ReadOnlySpan<PendingWalRecord> Records => CollectionsMarshal.AsSpan(_records);

    public IReadOnlyList<ReadOnlyMemory<byte>> Parts => _parts;

    /// <summary>The records' bytes, without a segment's header.</summary>
    public long Bytes { get; private set; }

    /// <summary>Adds a record, unless the commit is full. An empty commit takes any record.</summary>
    public bool TryAdd(in PendingWalRecord record)
    {
        var copied = IsCopied(record);
        var staged = record.PrefixBytes + (copied ? record.Request.Length : 0);
        if (_records.Count > 0
            && (Bytes + record.Bytes > MaxBytes || _staged + staged > _staging.Length || (2 * _named) + 3 > MaxParts))
            return false;
        _records.Add(record);
        _staged += staged;
        _named += copied ? 0 : 1;
        Bytes += record.Bytes;
        return true;
    }

    /// <summary>Builds the parts to write; at a segment's beginning, they start with its header.</summary>
    public void Compose(uint salt, long? beginsSegment)
    {
        _parts.Clear();
        int from = 0, to = 0;
        if (beginsSegment is { } number)
        {
            WalFormat.WriteSegmentHeader(_staging, salt, number);
            to = WalFormat.SegmentHeaderBytes;
        }

        foreach (var record in _records)
        {
            record.WritePrefix(_staging.AsSpan(to), salt);
            to += record.PrefixBytes;
            if (IsCopied(record))
            {
                record.Request.Span.CopyTo(_staging.AsSpan(to));
                to += record.Request.Length;
                continue;
            }

            _parts.Add(_staging.AsMemory(from, to - from));
            _parts.Add(record.Request);
            from = to;
        }

        if (to > from)
            _parts.Add(_staging.AsMemory(from, to - from));
    }

    public void Clear()
    {
        _records.Clear();
        _parts.Clear();
        _staged = WalFormat.SegmentHeaderBytes;
        _named = 0;
        Bytes = 0;
    }

    private static bool IsCopied(in PendingWalRecord record) => record.Request.Length <= CopiedBytes;
}
