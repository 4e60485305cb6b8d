using System.Diagnostics.CodeAnalysis;

namespace OrleansTempo.Core.Blocks.Format;

/// <summary>Caches the footers of recently used blocks, up to a number of bytes of memory: a lookup needs those of all blocks. Safe to call from any thread.</summary>
internal sealed class FooterCache(long maxBytes)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Guid, LinkedListNode<Entry>> _entries = [];
    private readonly LinkedList<Entry> _byUse = new();
    private long _bytes;

    public bool TryGet(Guid block, [NotNullWhen(true)] out BlockFooter? footer)
    {
        lock (_lock)
        {
            if (!_entries.TryGetValue(block, out var node))
            {
                footer = null;
                return false;
            }

            _byUse.Remove(node);
            _byUse.AddLast(node);
            footer = node.Value.Footer;
            return true;
        }
    }

    public void Add(Guid block, BlockFooter footer)
    {
        lock (_lock)
        {
            if (_entries.ContainsKey(block))
                return;
            _entries.Add(block, _byUse.AddLast(new Entry(block, footer)));
            _bytes += footer.MemoryBytes;
            while (_bytes > maxBytes && _byUse.Count > 1)
            {
                var oldest = _byUse.First!.Value;
                _byUse.RemoveFirst();
                _entries.Remove(oldest.Block);
                _bytes -= oldest.Footer.MemoryBytes;
            }
        }
    }

    private readonly record struct Entry(Guid Block, BlockFooter Footer);
}
