using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace OrleansTempo.Core.Blocks.Format.Pages;

/// <summary>
/// Holds each distinct byte string once, numbered in order of arrival: 0, 1, 2, … Looked up by hash, compared in full. Used by one caller at a time.
/// </summary>
internal sealed class ByteInterner
{
    private byte[] _bytes = [];
    private int _used;
    private Entry[] _entries = [];
    private int[] _slots = [];

    public int Count { get; private set; }

    /// <summary>The total length of all strings.</summary>
    public int Bytes => _used;

    /// <summary>The memory held, in bytes, used or not.</summary>
    public long MemoryBytes => _bytes.Length + ((long)_entries.Length * Unsafe.SizeOf<Entry>()) + ((long)_slots.Length * sizeof(int));

    public ReadOnlySpan<byte> this[int id] => _bytes.AsSpan(_entries[id].Offset, _entries[id].Length);

    /// <summary>The number of <paramref name="value"/>, added if it is new.</summary>
    public int Intern(ReadOnlySpan<byte> value)
    {
        var hash = (uint)Utf8Hash.Of(value);
        var id = Find(value, hash);
        return id >= 0 ? id : Add(value, hash);
    }

    /// <summary>The number of <paramref name="value"/>, given its hash; -1 if it is new.</summary>
    public int Find(ReadOnlySpan<byte> value, uint hash)
    {
        var slots = _slots;
        if (slots.Length == 0)
            return -1;
        var mask = slots.Length - 1;
        for (var slot = (int)hash & mask; ; slot = (slot + 1) & mask)
        {
            var id = slots[slot] - 1;
            if (id < 0)
                return -1;
            ref readonly var entry = ref _entries[id];
            if (entry.Hash == hash && entry.Length == value.Length && value.SequenceEqual(_bytes.AsSpan(entry.Offset, entry.Length)))
                return id;
        }
    }

    /// <summary>Adds a value that <see cref="Find"/> did not find.</summary>
    public int Add(ReadOnlySpan<byte> value, uint hash)
    {
        var id = Append(value, hash);
        if (Count * 2 > _slots.Length)
            Rehash();
        else
            Place(id, hash);
        return id;
    }

    /// <summary>Adds a value that cannot be looked up: for callers that only read by number.</summary>
    public int Append(ReadOnlySpan<byte> value) => Append(value, 0);

    public void Clear()
    {
        Array.Clear(_slots);
        Count = 0;
        _used = 0;
    }

    private int Append(ReadOnlySpan<byte> value, uint hash)
    {
        Debug.Assert(value.Length <= Array.MaxLength - _used, "a generation's dictionary is far smaller than an array can be");
        if (_bytes.Length - _used < value.Length)
            Array.Resize(ref _bytes, Math.Max(_used + value.Length, Math.Max(64, _bytes.Length * 2)));
        if (Count == _entries.Length)
            Array.Resize(ref _entries, Math.Max(4, Count * 2));
        value.CopyTo(_bytes.AsSpan(_used));
        _entries[Count] = new Entry { Offset = _used, Length = value.Length, Hash = hash };
        _used += value.Length;
        return Count++;
    }

    private void Rehash()
    {
        _slots = new int[Math.Max(8, _slots.Length * 2)];
        for (var id = 0; id < Count; id++)
            Place(id, _entries[id].Hash);
    }

    private void Place(int id, uint hash)
    {
        var mask = _slots.Length - 1;
        var slot = (int)hash & mask;
        while (_slots[slot] != 0)
            slot = (slot + 1) & mask;
        _slots[slot] = id + 1;
    }

    private struct Entry
    {
        public int Offset;
        public int Length;
        public uint Hash;
    }
}
