using OrleansTempo.Core.Generator.Registry;

namespace OrleansTempo.Core.Generator.ServiceGraphs;

/// <summary>
/// The texts that waiting edges refer to by number. Each is stored once and reference-counted, so that the name of a service is
/// not stored a million times. A text without references stays until it has been idle from one <see cref="Sweep"/> to the next,
/// because the same few texts come and go all the time.
/// </summary>
internal sealed class TextTable
{
    private readonly Dictionary<byte[], int> _ids = new(Utf8Comparer.Instance);
    private readonly Dictionary<byte[], int>.AlternateLookup<ReadOnlySpan<byte>> _lookup;
    private readonly Stack<int> _free = new();
    private Entry[] _entries = new Entry[16];
    private int _used;

    public TextTable() => _lookup = _ids.GetAlternateLookup<ReadOnlySpan<byte>>();

    /// <summary>The number of texts.</summary>
    public int Count => _ids.Count;

    public ReadOnlySpan<byte> this[int id] => _entries[id].Text;

    /// <summary>Returns the number of the text, and adds a reference to it.</summary>
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

    /// <summary>Removes the texts that nothing has referred to since the last sweep.</summary>
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
