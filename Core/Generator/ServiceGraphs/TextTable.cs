using OrleansTempo.Core.Generator.Registry;

namespace OrleansTempo.Core.Generator.ServiceGraphs;

/// <summary>
/// Texts that waiting edges refer to by number, each held once and counted: a service's name is not stored a million
/// times. A text that nobody refers to stays until it has been idle from one <see cref="Sweep"/> to the next, since the
/// same few come and go all the time.
/// </summary>
internal sealed class TextTable
{
    private readonly Dictionary<byte[], int> _ids = new(Utf8Comparer.Instance);
    private readonly Dictionary<byte[], int>.AlternateLookup<ReadOnlySpan<byte>> _lookup;
    private readonly Stack<int> _free = new();
    private Entry[] _entries = new Entry[16];
    private int _used;

    public TextTable() => _lookup = _ids.GetAlternateLookup<ReadOnlySpan<byte>>();

    /// <summary>How many texts are held.</summary>
    public int Count => _ids.Count;

    public ReadOnlySpan<byte> this[int id] => _entries[id].Text;

    /// <summary>The text's number, with one reference more to it.</summary>
    public int Acquire(ReadOnlySpan<byte> text)
    {
        if (!_lookup.TryGetValue(text, out var id))
        {
            if (!_free.TryPop(out id))
            {
                id = _used++;
                if (id == _entries.Length)
                    Array.Resize(ref _entries, id * 2);
            }

            _entries[id] = new Entry { Text = text.ToArray() };
            _ids[_entries[id].Text] = id;
        }

        AddReference(id);
        return id;
    }

    public void AddReference(int id)
    {
        _entries[id].References++;
        _entries[id].Idle = false;
    }

    public void Release(int id) => _entries[id].References--;

    /// <summary>Forgets the texts nobody has referred to since the last sweep.</summary>
    public void Sweep()
    {
        for (var id = 0; id < _used; id++)
        {
            ref var entry = ref _entries[id];
            if (entry.Text is null || entry.References > 0)
                continue;
            if (entry.Idle)
            {
                _ids.Remove(entry.Text);
                entry.Text = null!;
                _free.Push(id);
            }
            else
            {
                entry.Idle = true;
            }
        }
    }

    private struct Entry
    {
        public byte[] Text;
        public int References;
        public bool Idle;
    }
}
